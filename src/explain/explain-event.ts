import {
  decodeEvent,
  idHeaders,
  isHoldfastError,
  type Clock,
  type Envelope,
  type LogRecord,
} from '../event/index.ts'
import { findByReading, type FindOptions, type IdSearch, type LogSystem } from '../log/index.ts'
import { isLaneOrDeadTopic } from '../recover/index.ts'
import type { Sink } from '../sink/index.ts'
import { copyOf } from './copies.ts'
import { MAX_CAUSED, type CausedEvent, type ExplainedEvent, type Explanation } from './explanation.ts'
import { groupProgress, type KnownGroup } from './group-progress.ts'
import { storyOf } from './story.ts'

export interface ExplainParts {
  readonly system: LogSystem
  /** Asked whether effects committed. Undefined: nothing is said of them. */
  readonly sink: Sink | undefined
  /** What the app declares. Other groups are known from the log alone. */
  readonly declared: readonly KnownGroup[]
  readonly clock: Clock
}

export interface ExplainOptions {
  /** Whether headers and payload are in the answer. Defaults to false. */
  readonly payload?: boolean | undefined
  /**
   * How long events are read that the log's index of ids does not cover, in milliseconds. Defaults to 2,000. What was not
   * searched is said.
   */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Everything that durable records tell of the events with this id, as of now. */
export async function explainEvent(
  parts: ExplainParts,
  id: string,
  { payload = false, patienceMs = 2_000, signal = new AbortController().signal }: ExplainOptions = {},
): Promise<Explanation> {
  const { system, clock } = parts
  const began = clock.monotonic()
  const options: FindOptions = { as: ['id', 'causationId'], limit: MAX_RECORDS, patienceMs, signal }
  const found = await findId(system, id, options, clock)
  const search = {
    how: system.findId ? 'index' : 'reading',
    ...found.searched,
    tookMs: clock.monotonic() - began,
    unsearched: found.unsearched,
  } as const
  const originals = found.records.filter(({ topic }) => !isLaneOrDeadTopic(topic))
  const copies = found.records.flatMap(record => (isAs(record, 'id', id) ? (copyOf(record) ?? []) : []))
  const caused = originals.filter(record => isAs(record, 'causationId', id)).flatMap(causedEvent)
  const events: ExplainedEvent[] = []
  for (const record of originals) {
    const event = isAs(record, 'id', id) ? decoded(record) : undefined
    if (!event) continue
    const mine = copies.filter(copy => copy.partition === record.partition)
    const groups = await groupProgress(
      parts,
      { record, event, copies: mine, complete: isComplete(found) },
      signal,
    )
    events.push({
      ...describe(record, event, system, payload),
      groups,
      caused: caused.slice(0, MAX_CAUSED),
      moreCaused: found.more || caused.length > MAX_CAUSED,
    })
  }
  const explained = { id, events, copies, search }
  return { ...explained, story: storyOf(explained) }
}

/** By the log's index, or by reading where it has none. */
export function findId(system: LogSystem, id: string, options: FindOptions, clock: Clock): Promise<IdSearch> {
  return system.findId?.(id, options) ?? findByReading(system.log, id, options, clock)
}

/** Lanes and letters hold copies of the event as well, a few for each group. */
const MAX_RECORDS = 1_000

function isComplete({ unsearched, more }: IdSearch): boolean {
  return unsearched.length === 0 && !more
}

function isAs({ headers }: LogRecord, role: keyof typeof idHeaders, id: string): boolean {
  return headers[idHeaders[role]] === id
}

function describe(
  record: LogRecord,
  event: Envelope,
  { log }: LogSystem,
  payload: boolean,
): Omit<ExplainedEvent, 'groups' | 'caused' | 'moreCaused'> {
  const { topic, partition, offset, timestamp, headers, value } = record
  const { source, type, version, key, tenant, correlationId, causationId, acceptedAt } = event
  return {
    topic,
    partition,
    offset,
    source,
    type,
    version,
    key,
    tenant,
    correlationId,
    causationId,
    acceptedAt,
    storedAt: timestamp,
    durability: log.durability,
    bytes: value?.length ?? 0,
    payload: payload ? { headers, value } : undefined,
  }
}

function causedEvent(record: LogRecord): CausedEvent[] {
  const event = decoded(record)
  const { topic, partition, offset, timestamp } = record
  return event ? [{ topic, partition, offset, id: event.id, type: event.type, storedAt: timestamp }] : []
}

function decoded(record: LogRecord): Envelope | undefined {
  try {
    return decodeEvent(record)
  } catch (error) {
    if (isHoldfastError(error, 'EVENT_UNDECODABLE')) return undefined
    throw error
  }
}
