import { HoldfastError, parseDuration } from '../../event/index.ts'
import { findEvents } from '../../explain/index.ts'
import {
  eventRow,
  eventRowShape,
  leftOut,
  leftOutShape,
  PATIENCE,
  type EventRow,
  type LeftOut,
} from './event-rows.ts'
import { momentOf } from './moment.ts'
import type { Operation } from './operation.ts'
import { duration, flag, moment, object, optional, rows, text, whole } from './shape.ts'

export interface EventFindInput {
  readonly key?: string | undefined
  readonly correlation?: string | undefined
  readonly cause?: string | undefined
  readonly topic?: string | undefined
  readonly since?: string | undefined
  readonly limit?: number | undefined
  readonly patience?: string | undefined
}

export interface EventsFound {
  readonly events: readonly EventRow[]
  readonly more: boolean
  readonly unsearched: readonly LeftOut[]
}

const DEFAULT_LIMIT = 100

export const eventFind: Operation<EventFindInput, EventsFound> = {
  name: 'event.find',
  summary:
    'list the events of a key, of a story (correlation), or those that an event caused; the oldest first',
  role: 'viewer',
  effect: 'none',
  input: object<EventFindInput>({
    key: optional(text('the key as the log has it, below the tenant where there is one')),
    correlation: optional(text('the id of the event or request that began the story')),
    cause: optional(text('the id of the event that they were made from')),
    topic: optional(text('only of this topic')),
    since: optional(moment('stored at or after it; for a key 1h ago where nothing is said')),
    limit: optional(
      whole(`at most so many; ${DEFAULT_LIMIT} where nothing is said`, { min: 1, max: 10_000 }),
    ),
    patience: optional(duration(PATIENCE.about)),
  }),
  output: object<EventsFound>({
    events: rows(eventRowShape),
    more: flag('there are more than the limit'),
    unsearched: rows(leftOutShape),
  }),
  async run(
    { system, clock, signal },
    { key, correlation, cause, topic, since, limit = DEFAULT_LIMIT, patience },
  ) {
    if ([key, correlation, cause].filter(one => one !== undefined).length !== 1)
      throw new HoldfastError('CONFIG_INVALID', { detail: 'name exactly one of key, correlation and cause' })
    if (topic !== undefined && (await system.log.topics.describe(topic)) === undefined)
      throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: topic })
    const from = since ?? (key === undefined ? undefined : '-1h')
    const found = await findEvents(
      { system, clock },
      {
        key,
        correlationId: correlation,
        causationId: cause,
        topic,
        since: from === undefined ? 0 : momentOf(from, clock.now()),
        limit,
        patienceMs: patience === undefined ? PATIENCE.defaultMs : parseDuration(patience, 'patience'),
      },
      signal,
    )
    return {
      events: found.records.map(eventRow),
      more: found.more,
      unsearched: found.unsearched.map(leftOut),
    }
  },
}
