/** First of the chain: checks the event, and answers when all behind it have answered. */
import { hopTo } from '../http/hop.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { readLocation } from '../rest/locations.ts'

const { port, next } = given<{ port: number; next: string }>()
const enrichment = hopTo(next, 2_750)

await serve({
  port,
  routes(server) {
    server.post('/locations', async (request, reply) => {
      const event = readLocation(request.body)
      await enrichment({ event })
      return reply.code(201).send({ id: event.id })
    })
  },
})
