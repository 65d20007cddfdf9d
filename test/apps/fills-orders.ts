import { topic } from 'holdfast'
import { z } from 'zod'
import type { MovesLog } from './moves-log.ts'

export interface FillsOptions extends MovesLog {
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

export interface RedoesOptions extends MovesLog {
  readonly database: string
  /** Written with each row: which handler it was. */
  readonly version: number
  /** Whether it asks for a reprocess of everything. */
  readonly ask: boolean
  /** After so many that it has done again its handlers wait until they are given up. */
  readonly holdAfter?: number
}
