import type { LogRecord } from '../../event/index.ts'
import { summaryOf } from '../../explain/index.ts'
import type { Unsearched } from '../../log/index.ts'
import { digits, nullable, number, object, text, type Shape } from './shape.ts'

/** An event in a list, without its payload. */
export interface EventRow {
  readonly id: string | null
  readonly eventType: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly time: number
  readonly key: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
}

const LONG = { max: 100_000 }

export const eventRowShape: Shape<EventRow> = object<EventRow>({
  id: nullable(text('its own, null for what is no event', LONG)),
  eventType: nullable(text('its type', LONG)),
  topic: text('where it is'),
  partition: number('of the topic'),
  offset: digits('in the partition'),
  time: number('when it was stored'),
  key: nullable(text('by which events are kept in order', LONG)),
  correlationId: nullable(text('the first event or request of its story', LONG)),
  causationId: nullable(text('the event that it was made from', LONG)),
})

export function eventRow(record: LogRecord): EventRow {
  const { id, type, correlationId, causationId } = summaryOf(record)
  const { topic, partition, offset, timestamp, key } = record
  return {
    id: id ?? null,
    eventType: type ?? null,
    topic,
    partition,
    offset: String(offset),
    time: timestamp,
    key: key === undefined || key === '' ? null : key,
    correlationId: correlationId ?? null,
    causationId: causationId ?? null,
  }
}

/** A stretch of a partition that a search has left out. */
export interface LeftOut {
  readonly topic: string
  readonly partition: number
  readonly from: string
  readonly to: string
  readonly until: number | null
  readonly why: string | null
}

export const leftOutShape: Shape<LeftOut> = object<LeftOut>({
  topic: text('of the events'),
  partition: number('of the topic'),
  from: digits('the first offset that was not searched'),
  to: digits('the offset behind the last one'),
  until: nullable(number('when that one was stored')),
  why: nullable(text('why it cannot be read; null where patience was over', { max: 10_000 })),
})

export function leftOut({ topic, partition, from, to, until, why }: Unsearched): LeftOut {
  return { topic, partition, from: String(from), to: String(to), until: until ?? null, why: why ?? null }
}

/** How long what no index covers is read. */
export const PATIENCE = {
  defaultMs: 2_000,
  about: 'how long events are read that no index covers; 2s where nothing is said',
}
