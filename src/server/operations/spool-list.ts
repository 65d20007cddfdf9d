import { HoldfastError, recordLine } from '../../event/index.ts'
import type { SetAsideEvent, SetAsideSelection, Spool, SpoolStatus } from '../../collect/index.ts'
import { summaryOf } from '../../explain/index.ts'
import type { Operation, OperationContext } from './operation.ts'
import { choice, list, nullable, number, object, optional, rows, text, whole, type Fields } from './shape.ts'

export interface SpoolShown extends Pick<
  SpoolStatus,
  'state' | 'since' | 'folder' | 'events' | 'bytes' | 'oldestAgeMs'
> {
  readonly reason: string | null
  readonly setAside: number
  readonly setAsideSince: number | null
  readonly setAsideTopics: readonly TopicCount[]
}

export interface TopicCount {
  readonly topic: string
  readonly events: number
}

export const topicCounts = rows(object<TopicCount>({ topic: text('which'), events: number('so many') }))

export const spoolStatus: Operation<object, SpoolShown> = {
  name: 'spool.status',
  summary: 'show what the spool of a collector holds, and why',
  role: 'viewer',
  effect: 'none',
  input: object<object>({}),
  output: object<SpoolShown>({
    state: choice('where events go', ['NORMAL', 'SPOOLING', 'DRAINING']),
    since: number('since when, milliseconds since 1970'),
    folder: text('where it is', { max: 10_000 }),
    events: number('that only the spool has, as far as known'),
    bytes: number('that it takes for them'),
    oldestAgeMs: number('how long the oldest has been waiting'),
    reason: nullable(text('why the log does not take them', { max: 10_000 })),
    setAside: number('events beside those, which the log finds too large since they were answered'),
    setAsideSince: nullable(number('when the oldest of these was set aside, milliseconds since 1970')),
    setAsideTopics: topicCounts,
  }),
  async run(context) {
    const {
      state,
      since,
      folder,
      events,
      bytes,
      oldestAgeMs,
      reason = null,
      setAside,
    } = spoolOf(context).status()
    return {
      state,
      since,
      folder,
      events,
      bytes,
      oldestAgeMs,
      reason,
      setAside: setAside.events,
      setAsideSince: setAside.since ?? null,
      setAsideTopics: setAside.topics,
    }
  },
}

/** Rejects where this process has none. */
export function spoolOf({ app, spool }: OperationContext): Spool {
  if (spool) return spool
  if (!app)
    throw new HoldfastError('PROCESS_NEEDED', { detail: 'a spool is the collector’s that runs on it' })
  throw new HoldfastError('SPOOL_MISSING', { detail: `app ${app.name}` })
}

/** An event that is set aside. */
export interface SetAsideRow {
  readonly id: string
  readonly topic: string
  readonly eventId: string | null
  readonly eventType: string | null
  readonly key: string | null
  /** Of the payload. */
  readonly bytes: number
  readonly since: number
  readonly why: string
}

export interface SpoolListInput extends SetAsideSelection {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

export const selectionFields: Fields<SetAsideSelection> = {
  ids: optional(list(text('as spool list names it', { pattern: /^sa_\d{1,19}$/ }), { max: 10_000 })),
  topic: optional(text('only those for one topic')),
}

const DEFAULT_LIMIT = 100
const input = object<SpoolListInput>({
  ...selectionFields,
  limit: optional(whole(`at most so many; ${DEFAULT_LIMIT} where nothing is said`, { min: 1, max: 10_000 })),
  after: optional(text('the page behind this one', { pattern: /^sa_\d{1,19}$/ })),
})
const next = nullable(text('what after takes for the next page; null at the end'))

export interface SpoolList {
  readonly events: readonly SetAsideRow[]
  readonly next: string | null
}

export const spoolList: Operation<SpoolListInput, SpoolList> = {
  name: 'spool.list',
  summary: 'list events that the spool has set aside since the log finds them too large, the oldest first',
  role: 'viewer',
  effect: 'none',
  input,
  output: object<SpoolList>({
    events: rows(
      object<SetAsideRow>({
        id: text('of what is set aside'),
        topic: text('it is for'),
        eventId: nullable(text('of the event', { max: 100_000 })),
        eventType: nullable(text('of the event', { max: 100_000 })),
        key: nullable(text('of the event', { max: 100_000 })),
        bytes: number('of its payload'),
        since: number('when it was set aside, milliseconds since 1970'),
        why: text('what the log said', { max: 10_000 }),
      }),
    ),
    next,
  }),
  async run(context, asked) {
    const { page, next } = await pageOf(context, asked, Number.POSITIVE_INFINITY)
    return { events: page.map(rowOf), next }
  },
}

export interface SpoolExport {
  /** As `topic produce --input jsonl` reads them. */
  readonly lines: readonly string[]
  readonly next: string | null
}

/** Payloads may hold what not everybody is to see, so looking at them is an operator's. */
export const spoolExport: Operation<SpoolListInput, SpoolExport> = {
  name: 'spool.export',
  summary: 'read events that the spool has set aside, whole, as lines of JSON',
  role: 'operator',
  effect: 'none',
  input,
  output: object<SpoolExport>({
    lines: rows(text('one event', { max: Number.MAX_SAFE_INTEGER })),
    next,
  }),
  async run(context, asked) {
    const { page, next } = await pageOf(context, asked, EXPORTED_BYTES)
    return { lines: page.map(({ id, record }) => recordLine(record, { setAside: id })), next }
  },
}

/** Of payloads in one answer, unless one is larger. */
const EXPORTED_BYTES = 4 * 1024 * 1024

async function pageOf(
  context: OperationContext,
  { limit = DEFAULT_LIMIT, ...selection }: SpoolListInput,
  maxBytes: number,
): Promise<{ readonly page: readonly SetAsideEvent[]; readonly next: string | null }> {
  const page: SetAsideEvent[] = []
  let bytes = 0
  for await (const event of spoolOf(context).setAside.list(selection)) {
    bytes += event.record.value?.length ?? 0
    const last = page.at(-1)
    if (last && (page.length === limit || bytes > maxBytes)) return { page, next: last.id }
    page.push(event)
  }
  return { page, next: null }
}

function rowOf({ id, why, record }: SetAsideEvent): SetAsideRow {
  const { id: eventId = null, type: eventType = null } = summaryOf(record)
  const { topic, key, value, timestamp } = record
  return {
    id,
    topic,
    eventId,
    eventType,
    why,
    key: key === undefined || key === '' ? null : key,
    bytes: value?.length ?? 0,
    since: timestamp,
  }
}
