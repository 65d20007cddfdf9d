import { decodeEvent, offset, type Clock, type LogRecord } from '../event/index.ts'
import { outOfReach, partitioner, type LogSystem, type Unsearched } from '../log/index.ts'
import { isLaneOrDeadTopic } from '../recover/index.ts'
import { findId } from './explain-event.ts'

/** Events by what they have in common. Exactly one of `key`, `correlationId` and `causationId`. */
export interface EventQuery {
  /** The key as the log has it, below the tenant where there is one. */
  readonly key?: string | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  /** Only of this topic. */
  readonly topic?: string | undefined
  /** Only those that were stored at or after this time, milliseconds since 1970. */
  readonly since: number
  readonly limit: number
  readonly patienceMs: number
}

export interface FoundEvents {
  /** The oldest first. */
  readonly records: readonly LogRecord[]
  readonly more: boolean
  readonly unsearched: readonly Unsearched[]
}

/** Ids are found by the log's index. Of a key the one partition is read that it belongs to, from `since` on. */
export async function findEvents(
  { system, clock }: { readonly system: LogSystem; readonly clock: Clock },
  query: EventQuery,
  signal: AbortSignal,
): Promise<FoundEvents> {
  const id = query.correlationId ?? query.causationId
  if (id === undefined) return findKey(system, query, { clock, signal })
  const as = query.correlationId === undefined ? (['causationId'] as const) : (['correlationId'] as const)
  const { patienceMs } = query
  const found = await findId(system, id, { as, limit: MAX_FOUND, patienceMs, signal }, clock)
  const records = found.records.filter(
    ({ topic, timestamp }) =>
      !isLaneOrDeadTopic(topic) && timestamp >= query.since && topic === (query.topic ?? topic),
  )
  const more = found.more || records.length > query.limit
  return { records: records.slice(0, query.limit), more, unsearched: found.unsearched }
}

/** Lanes and letters are among what an index finds, and are taken out afterwards. */
const MAX_FOUND = 10_000
const PAGE = { maxRecords: 2_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

async function findKey(
  { log }: LogSystem,
  { key, topic: only, since, limit, patienceMs }: EventQuery,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<FoundEvents> {
  const records: LogRecord[] = []
  const unsearched: Unsearched[] = []
  const until = clock.monotonic() + patienceMs
  const topics =
    only === undefined ? (await log.topics.list()).filter(name => !isLaneOrDeadTopic(name)) : [only]
  for (const topic of topics) {
    let left: Unsearched = { topic, partition: 0, from: offset(0), to: offset(0), until: undefined }
    try {
      const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
      if (partitions === 0) continue
      const tp = { topic, partition: partitioner(topic)({ key }, partitions) }
      left = { ...left, ...tp }
      const { end } = await log.bounds(tp)
      let at = await log.offsetAt(tp, since)
      left = { ...left, from: at, to: end }
      while (at < end && records.length <= limit && clock.monotonic() <= until && !signal.aborted) {
        const page = await log.read({ ...tp, offset: at }, PAGE, signal)
        records.push(...page.records.filter(record => record.key === key))
        if (page.next === at) break
        at = page.next
        left = { ...left, from: at }
      }
      if (at < end && records.length <= limit) unsearched.push(left)
    } catch (error) {
      // Of one topic that was named that is the answer; of many, the others have theirs.
      const why = only === undefined ? outOfReach(error) : undefined
      if (why === undefined) throw error
      unsearched.push({ ...left, why })
    }
  }
  const sorted = records.toSorted((a, b) => a.timestamp - b.timestamp)
  return { records: sorted.slice(0, limit), more: records.length > limit, unsearched }
}

/** An event as a list shows it, without its payload. */
export interface EventSummary {
  readonly id: string | undefined
  readonly type: string | undefined
  readonly source: string | undefined
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
}

/** What the headers say, also of a record that is no event. */
export function summaryOf(record: LogRecord): EventSummary {
  try {
    const { id, type, source, correlationId, causationId } = decodeEvent(record)
    return { id, type, source, correlationId, causationId }
  } catch {
    const { ce_id: id, ce_type: type, ce_source: source } = record.headers
    return { id, type, source, correlationId: undefined, causationId: undefined }
  }
}
