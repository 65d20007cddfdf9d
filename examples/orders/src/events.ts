import { topic } from 'holdfast'
import { z } from 'zod'

/** Where mails go. All topics are keyed by it, so what concerns one customer happens in its order. */
const customer = z.string().min(1).max(254)

const cents = z.int().min(0)

/** For each of the 4 partitions of a topic, so that the example keeps 1 GiB of events at most. */
const kept = { partitions: 4, retain: '30d', retainBytes: 64 * 1024 * 1024 } as const

/** What comes in by `POST /orders`. The id of the event is the number of the order. */
export const orders = topic('orders', {
  key: 'customer',
  ...kept,
  events: { 'order.created': z.object({ customer, item: z.string().min(1).max(100), cents }) },
})

/** What comes in by `POST /users`. */
export const users = topic('users', {
  key: 'customer',
  ...kept,
  events: { 'user.registered': z.object({ customer, name: z.string().max(200) }) },
})

/** What the group `payment` says of each order that it has charged. */
export const payments = topic('payments', {
  key: 'customer',
  ...kept,
  events: { 'payment.processed': z.object({ customer, order: z.string(), cents }) },
})
