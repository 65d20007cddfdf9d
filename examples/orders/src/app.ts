import { app, type App, type AppCollectorOptions, type Database, type LogDriver, type Logger } from 'holdfast'
import { orders, users } from './events.ts'
import { inventory } from './groups/inventory.ts'
import { notification, type NotificationWaits } from './groups/notification.ts'
import { payment } from './groups/payment.ts'
import type { Mailer } from './mailer.ts'

export type ShopApp = App<true>

export interface ShopOptions extends Pick<AppCollectorOptions, 'port' | 'statusUrl' | 'spool'> {
  readonly log: LogDriver
  readonly db: Database
  readonly mailer: Mailer
  /** Shorter in tests. */
  readonly waits?: NotificationWaits | undefined
  readonly logger?: Logger
}

/**
 * The whole shop. Nobody conducts: each group does its part when it sees an event, and says what happened by another
 * one. The customer waits for none of them, only for the order to be on disk.
 */
export function shop({ log, db, mailer, waits, logger, ...door }: ShopOptions): ShopApp {
  const a = app({ name: 'shop', log, db, logger })
  a.collector({
    topics: [orders, users],
    // A key that everybody knows: it works on this machine only.
    keys: { pk_demo: { tenant: 'demo', topics: [orders.name, users.name], eventsPerSecond: 100_000 } },
    aliases: {
      '/orders': { topic: orders, type: 'order.created', form: 'flat' },
      '/users': { topic: users, type: 'user.registered', form: 'flat' },
    },
    example: { path: '/orders', body: '{"customer":"ada@example.com","item":"lamp","cents":1999}' },
    // Nothing stands in front of an example that would have to notice that it stops.
    lameDuckMs: 0,
    ...door,
  })
  payment(a)
  inventory(a)
  notification(a, mailer, waits)
  return a
}
