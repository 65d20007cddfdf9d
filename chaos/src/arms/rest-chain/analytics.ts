/**
 * Third of the chain: counts what the persister has kept. In this order a failure leaves a location that is not counted,
 * never one that is counted and not kept; a second sending of the same id mends it.
 */
import { RequestFailed } from '../http/failure.ts'
import { hopTo } from '../http/hop.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { database } from '../rest/database.ts'
import { countLocation, type ChainEvent } from '../rest/locations.ts'

const { port, next, databaseUrl } = given<{ port: number; next: string; databaseUrl: string }>()
const persister = hopTo(next, 2_250)
const db = database(databaseUrl)

await serve({
  port,
  routes(server) {
    server.post<{ Body: ChainEvent }>('/events', async ({ body }, reply) => {
      await persister(body)
      await countLocation(db, body.event).catch((cause: unknown) => {
        throw new RequestFailed('unknown', 'the location is kept and not counted', { cause })
      })
      return reply.code(200).send()
    })
  },
  close: () => db.close(),
})
