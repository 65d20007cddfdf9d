import { topic } from 'holdfast'
import { z } from 'zod'

export interface FillsOptions {
  readonly data: string
  readonly database: string
  /** Whether `onError` skips every event of `a`. */
  readonly skip: boolean
  /** Whether it asks for a replay of everything. */
  readonly ask: boolean
}

export const fillsOrders = topic('orders', {
  key: 'customer',
  partitions: 3,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})
