/** Second of the chain: adds the vehicle. */
import { noVehicles, vehiclesAt } from '../../../../examples/drivers/src/vehicles.ts'
import { hopTo } from '../http/hop.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { vehicleFor, type ChainEvent } from '../rest/locations.ts'

const { port, next, cacheUrl } = given<{ port: number; next: string; cacheUrl?: string }>()
const analytics = hopTo(next, 2_500)
const vehicles = cacheUrl === undefined ? noVehicles : vehiclesAt(cacheUrl)

await serve({
  port,
  routes(server) {
    server.post<{ Body: Omit<ChainEvent, 'vehicle'> }>('/events', async ({ body: { event } }, reply) => {
      await analytics({ event, vehicle: await vehicleFor(event, vehicles) })
      return reply.code(200).send()
    })
  },
})
