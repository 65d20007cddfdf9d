/** A cache over HTTP that knows which vehicle a driver has. Arms ask it when a scenario names it. */
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'

await serve({
  port: given<{ port: number }>().port,
  routes(server) {
    server.get<{ Params: { driver: string } }>('/vehicles/:driver', ({ params }) => `van-${params.driver}`)
  },
})
