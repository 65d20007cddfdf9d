import {
  offset,
  partitionId,
  RESERVED_TOPIC_PREFIX,
  type Headers,
  type LogRecord,
  type Offset,
  type Position,
} from '../../event/index.ts'
import { pages, type AppendRecord, type Log } from '../../log/index.ts'
import { SetAsideBook, setAsideId } from './set-aside-book.ts'

/** In the spool's own log: events in one partition, and in the other what was decided of them. */
export const SET_ASIDE_TOPIC: string = `${RESERVED_TOPIC_PREFIX}set-aside`
export const SET_ASIDE_PARTITIONS = 2
export const EVENTS = { topic: SET_ASIDE_TOPIC, partition: 0 }
export const DECIDED = { topic: SET_ASIDE_TOPIC, partition: 1 }

const FOR = 'hf-set-aside-for'
const FROM = 'hf-set-aside-from'
const WHY = 'hf-set-aside-why'
const DECISION = 'hf-set-aside-decision'
const OF = 'hf-set-aside-of'

/** `in-lane`: it is in its lane as well, which comes first. */
export type SetAsideDecision = 'returned' | 'discarded' | 'in-lane'

/** An event as it was set aside. */
export interface SetAsideEvent {
  /** `sa_17`. */
  readonly id: string
  /** As it was answered, with its topic, and its place in its lane. */
  readonly record: LogRecord
  /** What the log said. */
  readonly why: string
}

export function keptRecord(record: LogRecord, why: string): AppendRecord {
  const { key, value, headers, topic } = record
  const from = `${partitionId(record)}/${record.offset}`
  const ours = { [FOR]: topic, [FROM]: from, [WHY]: why.slice(0, MAX_WHY) }
  return { key, value, headers: { ...headers, ...ours }, partition: EVENTS.partition }
}

const MAX_WHY = 300

export function eventIn(kept: LogRecord): SetAsideEvent {
  const { [FOR]: topic = '', [FROM]: _, [WHY]: why = '', ...headers } = kept.headers
  const place = fromIn(kept.headers) ?? { topic, partition: 0, offset: kept.offset }
  return { id: setAsideId(kept.offset), why, record: { ...kept, ...place, topic, headers } }
}

export function decisionRecord(at: Offset, decision: SetAsideDecision): AppendRecord {
  const headers = { [OF]: String(at), [DECISION]: decision }
  return { value: null, headers, partition: DECIDED.partition }
}

/** As the folder has it. `cursors`: by partition, as far as they were saved. */
export async function readSetAside(log: Log, cursors: ReadonlyMap<string, Offset>): Promise<SetAsideBook> {
  const { partitions = 0 } = (await log.topics.describe(SET_ASIDE_TOPIC)) ?? {}
  const settled = new Set<Offset>()
  if (partitions > DECIDED.partition)
    for await (const { headers } of recordsFrom(log, DECIDED, cursors)) settled.add(offset(headers[OF] ?? 0))
  if (partitions === 0) return new SetAsideBook(offset(0))
  const book = new SetAsideBook((await log.bounds(EVENTS)).end)
  for await (const { offset: at, timestamp: since, headers } of recordsFrom(log, EVENTS, cursors))
    if (!settled.has(at)) book.kept(at, { topic: headers[FOR] ?? '', since, from: fromIn(headers) })
  return book
}

async function* recordsFrom(
  log: Log,
  place: typeof EVENTS,
  cursors: ReadonlyMap<string, Offset>,
): AsyncGenerator<LogRecord> {
  const { start, end } = await log.bounds(place)
  const saved = cursors.get(partitionId(place))
  const from = saved !== undefined && saved > start ? saved : start
  const limits = { end, maxRecords: 1_000, maxBytes: 1024 * 1024 }
  for await (const { records } of pages(log, { ...place, offset: from }, limits, AbortSignal.any([])))
    yield* records
}

function fromIn(headers: Headers): Position | undefined {
  const [topic, partition, at] = headers[FROM]?.split('/') ?? []
  if (topic === undefined || partition === undefined || at === undefined) return undefined
  return { topic, partition: Number(partition), offset: offset(at) }
}
