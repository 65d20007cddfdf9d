import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Aggregate, Evidence } from 'holdfast/testing'
import type { Mail } from '../../../../examples/orders/src/mailer.ts'
import { createTables } from '../../../../examples/orders/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { readStatus } from '../holdfast/status.ts'
import { leftInLog } from '../left-in-log.ts'
import { holdfastStart, type HoldfastStart } from '../process/holdfast-start.ts'
import { sentBy } from '../sent-by.ts'
import { startAll } from '../started.ts'
import { withClient } from '../store.ts'

/** The twin of `orders-rest`: the same order, the same mail service, and a log between them. */
export const orders: Arm = {
  name: 'orders',
  title: 'Orders by events',
  description:
    'examples/orders as it is: POST /orders answers 202 once the order is in a log on disk; payment, inventory and notification are three consumer groups in a second process.',
  flags: {},
  needs: ['mail'],
  start: startOrders,
}

async function startOrders({ databaseUrl, folder, dependencies, signal }: Stage): Promise<RunningArm> {
  await createTables(databaseUrl)
  const [log, mailUrl = ''] = [path.join(folder, 'log'), dependencies['mail']]
  const module = path.join(import.meta.dirname, 'app.ts')
  const env = { ARM_DATABASE: databaseUrl, ARM_LOG: log, ARM_MAIL: mailUrl }
  const running = (role: HoldfastStart['role']) => () => holdfastStart({ role, module, env, folder })
  const started = await startAll(signal, running('collector'), running('consumers'))
  const statusUrl = `http://127.0.0.1:${started.port('consumers', 'admin')}/status.json`
  const status = () => readStatus(statusUrl, 'notification')
  const isCaughtUp = async (): Promise<boolean> => (await status())?.drained ?? false
  return {
    target: {
      url: `http://127.0.0.1:${started.port('collector', 'door')}/orders`,
      headers: { 'x-api-key': 'pk_demo', 'content-type': 'application/json' },
      body: '{data}',
      data: '{"id":"{id}","customer":"{key}","item":"lamp","cents":1999}',
      attempts: 1,
    },
    services: started.services,
    table: 'shop.charges',
    sample: async () => (await status())?.sample ?? {},
    // A payment that is not in the log yet is behind nobody. Once all orders are paid and the outbox is empty, all is
    // in the log, and only then does a second look at the groups say anything.
    isDrained: async () => (await isCaughtUp()) && (await isOutboxEmpty(databaseUrl)) && (await isCaughtUp()),
    evidence: () => evidenceOf(databaseUrl, mailUrl, log),
    stop: () => started.stop(),
  }
}

async function isOutboxEmpty(databaseUrl: string): Promise<boolean> {
  const { rowCount } = await withClient(databaseUrl, client =>
    client.query(
      `select from holdfast.outbox o, holdfast.outbox_relay r where (o.txid, o.seq) > (r.txid, r.seq) limit 1`,
    ),
  )
  return rowCount === 0
}

/** A row is the mail of an order. Charges, reservations and receipts must agree with them, customer by customer. */
async function evidenceOf(databaseUrl: string, mailUrl: string, log: string): Promise<Evidence> {
  const mails = (await sentBy<Mail>(mailUrl)).map(({ mail }) => mail)
  const rows = mails
    .filter(({ template }) => template === 'order')
    .map(({ about: id, to, data }) => ({ id, key: to, hash: hashOf({ id, ...(data as object) }) }))
  const customersOf = async (table: string): Promise<string[]> => {
    const found = await withClient(databaseUrl, client =>
      client.query<{ customer: string }>(`select customer from shop.${table}`),
    )
    return found.rows.map(({ customer }) => customer)
  }
  const receipts = mails.filter(({ template }) => template === 'receipt').map(({ to }) => to)
  return {
    rows,
    aggregates: [
      perCustomer('charges', await customersOf('charges')),
      perCustomer('reservations', await customersOf('reservations')),
      perCustomer('receipts', receipts),
    ],
    ...(await leftInLog(
      { log: { folder: log }, topic: 'orders', group: 'notification' },
      new Set(rows.map(({ id }) => id)),
    )),
  }
}

/** Of the payload as it was sent. */
function hashOf(order: object): string {
  return createHash('sha256').update(JSON.stringify(order)).digest('hex')
}

/** One for each order. */
function perCustomer(what: string, customers: readonly string[]): Aggregate {
  const cells = new Map(
    [...Map.groupBy(customers, customer => customer)].map(([key, all]) => [key, all.length]),
  )
  return { name: `${what} per customer`, cells, model: ({ key = '' }) => [[key, 1]] }
}
