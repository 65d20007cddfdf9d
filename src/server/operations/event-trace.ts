import { HoldfastError, parseDuration } from '../../event/index.ts'
import { findEvents, findId, summaryOf, traceOf } from '../../explain/index.ts'
import { isLaneOrDeadTopic } from '../../recover/index.ts'
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
import { duration, flag, number, object, optional, rows, text } from './shape.ts'

export interface EventTraceInput {
  readonly id: string
  readonly patience?: string | undefined
}

export interface EventTrace {
  readonly events: readonly TracedEvent[]
  readonly more: boolean
  readonly unsearched: readonly LeftOut[]
}

interface TracedEvent {
  /** How many causes stand above it. */
  readonly depth: number
  readonly event: EventRow
}

/** Beyond it a tree says nothing to people. */
const MAX_EVENTS = 1_000

export const eventTrace: Operation<EventTraceInput, EventTrace> = {
  name: 'event.trace',
  summary: 'show the story that an event belongs to, as a tree: what caused what, in which topics',
  role: 'viewer',
  effect: 'none',
  input: object<EventTraceInput>({
    id: text('of any event of the story'),
    patience: optional(duration(PATIENCE.about)),
  }),
  output: object<EventTrace>({
    events: rows(
      object<TracedEvent>({ depth: number('how many causes stand above it'), event: eventRowShape }),
    ),
    more: flag(`there are more than ${MAX_EVENTS}`),
    unsearched: rows(leftOutShape),
  }),
  async run({ system, clock, signal }, { id, patience }) {
    const patienceMs = patience === undefined ? PATIENCE.defaultMs : parseDuration(patience, 'patience')
    const own = await findId(system, id, { as: ['id'], limit: 100, patienceMs, signal }, clock)
    const [event] = own.records.filter(({ topic }) => !isLaneOrDeadTopic(topic))
    if (event === undefined) throw new HoldfastError('EVENT_UNKNOWN', { detail: id })
    const query = {
      correlationId: summaryOf(event).correlationId ?? id,
      since: 0,
      limit: MAX_EVENTS,
      patienceMs,
    }
    const found = await findEvents({ system, clock }, query, signal)
    const records = found.records.length === 0 ? [event] : found.records
    return {
      events: traceOf(records).map(({ depth, record }) => ({ depth, event: eventRow(record) })),
      more: found.more,
      unsearched: found.unsearched.map(leftOut),
    }
  },
}
