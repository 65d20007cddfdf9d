/** Last of the chain: the row. */
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { database } from '../rest/database.ts'
import { keepPosition, type ChainEvent } from '../rest/locations.ts'

const { port, databaseUrl } = given<{ port: number; databaseUrl: string }>()
const db = database(databaseUrl)

await serve({
  port,
  routes(server) {
    server.post<{ Body: ChainEvent }>('/events', async ({ body: { event, vehicle } }, reply) => {
      await keepPosition(db, event, vehicle)
      return reply.code(200).send()
    })
  },
  close: () => db.close(),
})
