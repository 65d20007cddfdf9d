import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Evidence } from 'holdfast/testing'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { ownModule } from '../process/own-module.ts'
import { nothingRuns } from '../rest/arm.ts'
import { sentBy } from '../sent-by.ts'
import { startAll } from '../started.ts'
import { withClient } from '../store.ts'

/** The story of the dead mail service: an order is paid, reserved and confirmed by mail, one call after another. */
export const ordersRest: Arm = {
  name: 'orders-rest',
  title: 'Orders by REST',
  description:
    'POST /orders calls payment, inventory and notification, and waits for each. When the mail server is dead, the order fails, though it is paid.',
  flags: {
    retry:
      'the call to notification is made up to three times with a growing pause, while the customer waits',
    swallow: 'an error of notification is logged, and the order succeeds without its mail',
  },
  needs: ['mail'],
  start: startOrders,
}

async function startOrders({ databaseUrl, folder, flags, dependencies, signal }: Stage): Promise<RunningArm> {
  await withClient(databaseUrl, client => client.query(tables))
  const mailUrl = dependencies['mail'] ?? ''
  const service = (name: string, settings: Readonly<Record<string, unknown>>, module = name) =>
    ownModule({ name, module: path.join(import.meta.dirname, `${module}.ts`), settings, folder })
  const started = await startAll(
    signal,
    () => service('payment', { databaseUrl, table: 'orders.payments' }, 'recorder'),
    () => service('inventory', { databaseUrl, table: 'orders.reservations' }, 'recorder'),
    () => service('notification', { databaseUrl, mailUrl }),
    ({ port }) => {
      const urlOf = (name: string): string => `http://127.0.0.1:${port(name)}/orders`
      const [payment, inventory, notification] = ['payment', 'inventory', 'notification'].map(urlOf)
      const spelling = flags.has('swallow') ? 'swallow' : flags.has('retry') ? 'retry' : 'fail'
      return service('orders', { payment, inventory, notification, spelling })
    },
  )
  return {
    target: {
      url: `http://127.0.0.1:${started.port('orders')}/orders`,
      headers: { 'content-type': 'application/json' },
      body: '{"type":"placed","id":"{id}","data":{data}}',
      data: '{"customer":"{key}","n":{n},"item":"lamp","cents":1999}',
      attempts: 1,
    },
    services: started.services,
    table: 'orders.mails',
    sample: async () => ({}),
    isDrained: () => nothingRuns(databaseUrl),
    evidence: () => evidenceOf(databaseUrl, mailUrl),
    stop: () => started.stop(),
  }
}

const tables = `
  create schema if not exists orders;
  create table if not exists orders.payments (id text primary key, customer text not null, cents int not null);
  create table if not exists orders.reservations (id text primary key, customer text not null, cents int not null);
  create table if not exists orders.mails (seq bigint generated always as identity, id text not null);
`

/** A row is a mail that the mail server has sent. The sums are payments: who was refused and yet paid shows there. */
async function evidenceOf(databaseUrl: string, mailUrl: string): Promise<Evidence> {
  const mails = await sentBy<{ id: string; to: string; text: string }>(mailUrl)
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ customer: string; payments: string }>(
      'select customer, count(*) as payments from orders.payments group by customer',
    ),
  )
  return {
    rows: mails.map(({ mail: { id, to, text } }) => ({
      id,
      key: to,
      hash: createHash('sha256').update(text).digest('hex'),
    })),
    aggregates: [
      {
        name: 'payments per customer',
        cells: new Map(rows.map(({ customer, payments }) => [customer, Number(payments)])),
        model: ({ key = '' }) => [[key, 1]],
      },
    ],
  }
}
