import { HoldfastError, jsonIn, parseDuration, type LogRecord } from '../../event/index.ts'
import { findId } from '../../explain/index.ts'
import {
  eventRow,
  eventRowShape,
  leftOut,
  leftOutShape,
  PATIENCE,
  type EventRow,
  type LeftOut,
} from './event-rows.ts'
import type { Operation } from './operation.ts'
import { duration, flag, json, nullable, number, object, optional, rows, text } from './shape.ts'

export interface EventShowInput {
  readonly id: string
  readonly payload?: boolean | undefined
  readonly patience?: string | undefined
}

export interface ShownEvents {
  /** Mostly one. Retry lanes and letters that hold it are among them. */
  readonly events: readonly ShownEvent[]
  readonly unsearched: readonly LeftOut[]
}

export interface ShownEvent {
  readonly event: EventRow
  readonly headers: unknown
  readonly bytes: number
  /** JSON as text, since its numbers may be larger than those of whoever reads this. Null unless asked for. */
  readonly data: string | null
  readonly base64: string | null
}

const MAX_EVENTS = 100

/** Payloads may hold what not everybody is to see, so looking at them is an operator's. */
export const eventShow: Operation<EventShowInput, ShownEvents> = {
  name: 'event.show',
  summary: 'show the events with an id as they are stored: headers, and the payload where it is asked for',
  role: 'operator',
  effect: 'none',
  input: object<EventShowInput>({
    id: text('of the event'),
    payload: optional(flag('with its payload')),
    patience: optional(duration(PATIENCE.about)),
  }),
  output: object<ShownEvents>({
    events: rows(
      object<ShownEvent>({
        event: eventRowShape,
        headers: json('by name'),
        bytes: number('of the payload'),
        data: nullable(text('the payload, where it is JSON', { max: Number.MAX_SAFE_INTEGER })),
        base64: nullable(text('the payload, where it is not', { max: Number.MAX_SAFE_INTEGER })),
      }),
    ),
    unsearched: rows(leftOutShape),
  }),
  async run({ system, clock, signal }, { id, payload = false, patience }) {
    const patienceMs = patience === undefined ? PATIENCE.defaultMs : parseDuration(patience, 'patience')
    const found = await findId(system, id, { as: ['id'], limit: MAX_EVENTS, patienceMs, signal }, clock)
    if (found.records.length === 0) throw new HoldfastError('EVENT_UNKNOWN', { detail: id })
    return {
      events: found.records.map(record => shown(record, payload)),
      unsearched: found.unsearched.map(leftOut),
    }
  },
}

function shown(record: LogRecord, payload: boolean): ShownEvent {
  const { headers, value } = record
  const data = payload && value !== null ? jsonIn(value) : undefined
  const base64 =
    payload && value !== null && data === undefined ? Buffer.from(value).toString('base64') : null
  return { event: eventRow(record), headers, bytes: value?.length ?? 0, data: data ?? null, base64 }
}
