/** Payment and inventory: a row for each order, once. */
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { database } from '../rest/database.ts'
import type { Order } from './order.ts'

const { port, databaseUrl, table } = given<{ port: number; databaseUrl: string; table: string }>()
const db = database(databaseUrl)
const statement = {
  name: 'record',
  text: `insert into ${table} (id, customer, cents) values ($1, $2, $3) on conflict (id) do nothing`,
}

await serve({
  port,
  routes(server) {
    server.post<{ Body: Order }>('/orders', async ({ body: { id, data } }, reply) => {
      await db.run(statement, [id, data.customer, data.cents])
      return reply.code(200).send()
    })
  },
  close: () => db.close(),
})
