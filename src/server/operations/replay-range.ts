import type { Range } from '../../recover/index.ts'
import { digits, text, whole, type Fields } from './shape.ts'

/** What of a partition is replayed, planned or under way. */
export interface RangeRow {
  readonly topic: string
  readonly partition: number
  readonly from: string
  readonly to: string
}

export const rangeFields: Fields<RangeRow> = {
  topic: text('a topic'),
  partition: whole('its partition', { min: 0, max: 1_000_000 }),
  from: digits('the first offset'),
  to: digits('the offset below which it ends'),
}

export function rangeRow({ topic, partition, from, to }: Range): RangeRow {
  return { topic, partition, from: String(from), to: String(to) }
}
