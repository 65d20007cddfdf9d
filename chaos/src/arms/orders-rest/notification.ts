/** Sends the mail of an order, and notes that it did. */
import { RequestFailed } from '../http/failure.ts'
import { hopTo } from '../http/hop.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { database } from '../rest/database.ts'
import type { Order } from './order.ts'

const { port, databaseUrl, mailUrl } = given<{ port: number; databaseUrl: string; mailUrl: string }>()
const sendMail = hopTo(`${mailUrl}/mails`, 1_500)
const db = database(databaseUrl)
const noteMail = { name: 'mail', text: 'insert into orders.mails (id) values ($1)' }

await serve({
  port,
  routes(server) {
    server.post<{ Body: Order }>('/orders', async ({ body: { id, data } }, reply) => {
      // By its key the mail service knows a mail that is sent again.
      await sendMail({ id, to: data.customer, text: JSON.stringify(data) }, { 'idempotency-key': id })
      await db.run(noteMail, [id]).catch((cause: unknown) => {
        // The mail cannot be called back: another sending of this order would be a second one.
        throw new RequestFailed('unknown', 'the mail is sent and not noted', { cause })
      })
      return reply.code(200).send()
    })
  },
  close: () => db.close(),
})
