import { createHash } from 'node:crypto'
import {
  HoldfastError,
  offset,
  type Headers,
  type LogRecord,
  type NewRecord,
  type Offset,
  type Position,
} from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { fingerprintOf, type Failure } from './failure.ts'
import { Fields } from './lane/fields.ts'
import type { LetterChange } from './letter-state.ts'

/**
 * A dead letter: an event that a group gave up, kept whole. It is one record of the topic `<topic>.<group>.dead`, in
 * the partition that the event came from: the event's own bytes as the value, its own headers, and beside them one
 * header `hf-letter` with everything that happened. Written durably before the group's position passes the event.
 */
export interface DeadLetter {
  /** The same for the same event however often it dies after crashes: hash of topic, partition, offset and group. */
  readonly id: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly key: string | undefined
  /** When the event was appended and when it died, milliseconds since 1970. */
  readonly eventTime: number
  readonly diedAt: number
  /** CloudEvents id and type, where they can be read. */
  readonly eventId: string | undefined
  readonly eventType: string | undefined
  readonly reason: string
  readonly attempts: number
  readonly first: Failure
  readonly last: Failure
  /** Equal for letters that died of the same thing. */
  readonly cause: string
  readonly headers: Headers
  readonly value: Uint8Array | null
}

const LETTER_HEADER = 'hf-letter'
const LETTER_VERSION = 1

/** Group names hold no dot, so the parts of the name can be told apart from the right. */
export function deadTopicOf(topic: string, group: string): string {
  return `${topic}.${group}.dead`
}

/** The topic and group whose letters a topic holds; undefined for any other topic. */
export function originOf(deadTopic: string): { readonly topic: string; readonly group: string } | undefined {
  const [, topic, group] = /^(.+)\.([^.]+)\.dead$/.exec(deadTopic) ?? []
  return topic === undefined || group === undefined ? undefined : { topic, group }
}

/** Topics that users declare must not look like ours. */
export function isLaneOrDeadTopic(topic: string): boolean {
  return topic.endsWith('.dead') || topic.endsWith('.retry')
}

export interface Death {
  readonly group: string
  readonly reason: string
  readonly attempts: number
  readonly first: Failure
  readonly last: Failure
  readonly diedAt: number
  /** Which replay of it died; 0 is the event itself. */
  readonly round?: number
}

/** The record to append to the dead topic. */
export function encodeLetter(record: LogRecord, death: Death): NewRecord {
  const { topic, partition, offset, key, headers, value, timestamp } = record
  const letter = {
    version: LETTER_VERSION,
    kind: 'died',
    id: letterIdOf(record, death.group, 0),
    round: death.round ?? 0,
    group: death.group,
    topic,
    partition,
    offset: String(offset),
    key,
    eventTime: timestamp,
    diedAt: death.diedAt,
    reason: death.reason,
    attempts: death.attempts,
    first: death.first,
    last: death.last,
    cause: fingerprintOf(death.reason, death.last),
  }
  return {
    key: letter.id,
    value,
    headers: { ...headers, [LETTER_HEADER]: JSON.stringify(letter) },
    partition,
  }
}

/** The same for one event of a group, however often it dies; a replay that reprocesses has another generation. */
function letterIdOf({ topic, partition, offset }: Position, group: string, generation: number): string {
  const hash = createHash('sha256').update(`${topic}\n${partition}\n${offset}\n${group}\n${generation}`)
  return `dl_${hash.digest('hex').slice(0, 16)}`
}

/** The record that says what became of a letter. A death is written by {@link encodeLetter}, with the event. */
export function encodeDecision(
  origin: Position,
  group: string,
  generation: number,
  change: Exclude<LetterChange, { kind: 'died' }>,
): NewRecord {
  const id = letterIdOf(origin, group, generation)
  const letter = { version: LETTER_VERSION, id, offset: String(origin.offset), ...letterFields(change) }
  return {
    key: id,
    value: null,
    headers: { [LETTER_HEADER]: JSON.stringify(letter) },
    partition: origin.partition,
  }
}

/** The change's version is the one that was seen; `version` itself is that of the format. */
function letterFields(change: Exclude<LetterChange, { kind: 'died' }>): Record<string, unknown> {
  return 'version' in change
    ? { kind: change.kind, seen: change.version, request: change.request }
    : { kind: change.kind, round: change.round }
}

/** What a record of a dead topic says, and about which event of its partition. */
export function decodeChange(record: LogRecord): { readonly origin: Offset; readonly change: LetterChange } {
  const where = `dead letter ${record.topic}/${record.partition} offset ${record.offset}`
  const fields = Fields.parse(record.headers[LETTER_HEADER], where)
  if (fields.count('version') > LETTER_VERSION) throw unreadable(record, 'a newer version wrote it')
  const kind = fields.oneOf('kind', ['died', 'replaying', 'discarded', 'resolved'])
  const origin = offset(fields.digits('offset'))
  switch (kind) {
    case 'died':
      return { origin, change: { kind, round: fields.maybe('round')?.count('round') ?? 0 } }
    case 'resolved':
      return { origin, change: { kind, round: fields.count('round') } }
    case 'replaying':
    case 'discarded':
      return { origin, change: { kind, version: fields.count('seen'), request: fields.text('request') } }
  }
}

/** Undefined for a record that says what became of a letter. */
export function decodeLetter(record: LogRecord): DeadLetter | undefined {
  const { [LETTER_HEADER]: text, ...headers } = record.headers
  if (text === undefined) throw unreadable(record, `header ${LETTER_HEADER} is missing`)
  const letter = JSON.parse(text) as Omit<DeadLetter, 'headers' | 'value' | 'eventId' | 'eventType'> & {
    version: number
    kind: string
  }
  if (letter.version > LETTER_VERSION) throw unreadable(record, `it has version ${letter.version}`)
  const { version: _, kind, ...rest } = letter
  if (kind !== 'died') return undefined
  return { ...rest, eventId: headers['ce_id'], eventType: headers['ce_type'], headers, value: record.value }
}

/**
 * The letters of a group on one topic, in the order in which they died within each partition; one that was written
 * twice around a crash comes once. Nothing when the group has none.
 */
export async function* listLetters(
  log: Log,
  topic: string,
  group: string,
  signal: AbortSignal,
): AsyncGenerator<DeadLetter> {
  const deadTopic = deadTopicOf(topic, group)
  const settings = await log.topics.describe(deadTopic)
  for (let partition = 0; partition < (settings?.partitions ?? 0); partition++) {
    const seen = new Set<string>()
    const { start, end } = await log.bounds({ topic: deadTopic, partition })
    for await (const letter of lettersBetween(
      log,
      { topic: deadTopic, partition, offset: start },
      end,
      signal,
    )) {
      if (!seen.has(letter.id)) {
        seen.add(letter.id)
        yield letter
      }
    }
  }
}

/** Letters of one page of {@link buriedFrom}. */
const LOOK_BACK = 1_000n

/**
 * The events at or above a position that have their letter already: a process ended between the letter and the commit.
 * They are dead, and do not run again. Reads the end of the letters backwards, until a page has none of them.
 */
export async function buriedFrom(
  log: Log,
  position: Position,
  group: string,
  signal: AbortSignal,
): Promise<ReadonlySet<bigint>> {
  const at = { topic: deadTopicOf(position.topic, group), partition: position.partition }
  const buried = new Set<bigint>()
  const { start, end } = await log.bounds(at)
  for (let to = end; to > start && !signal.aborted;) {
    const from = to - LOOK_BACK > start ? offset(to - LOOK_BACK) : start
    let found = false
    for await (const letter of lettersBetween(log, { ...at, offset: from }, to, signal)) {
      if (BigInt(letter.offset) < position.offset) continue
      buried.add(BigInt(letter.offset))
      found = true
    }
    if (!found) break
    to = from
  }
  return buried
}

async function* lettersBetween(
  log: Log,
  from: Position,
  end: Offset,
  signal: AbortSignal,
): AsyncGenerator<DeadLetter> {
  for (let at = from.offset; at < end && !signal.aborted;) {
    const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
    const page = await log.read({ ...from, offset: at }, limits, signal)
    for (const record of page.records) {
      const letter = record.offset < end ? decodeLetter(record) : undefined
      if (letter) yield letter
    }
    if (page.next === at) return
    at = page.next
  }
}

/** The newest letters of a group on one topic, newest first. Reads the ends only, however many there are. */
export async function newestLetters(
  log: Log,
  topic: string,
  group: string,
  limit: number,
  signal: AbortSignal,
): Promise<readonly DeadLetter[]> {
  const deadTopic = deadTopicOf(topic, group)
  const settings = await log.topics.describe(deadTopic)
  const letters: DeadLetter[] = []
  for (let partition = 0; partition < (settings?.partitions ?? 0); partition++) {
    const { start, end } = await log.bounds({ topic: deadTopic, partition })
    if (start === end) continue
    // Offsets may have gaps, so this can give fewer than `limit` of a partition; never the wrong ones.
    const from = end - BigInt(limit) > start ? end - BigInt(limit) : start
    const page = await log.read(
      { topic: deadTopic, partition, offset: offset(from) },
      { maxRecords: limit, maxBytes: 4 * 1024 * 1024, waitMs: 0 },
      signal,
    )
    letters.push(...page.records.flatMap(record => decodeLetter(record) ?? []).toReversed()) // of one millisecond, the later first
  }
  return letters.toSorted((a, b) => b.diedAt - a.diedAt).slice(0, limit)
}

function unreadable(record: LogRecord, why: string): HoldfastError {
  return new HoldfastError('EVENT_UNDECODABLE', {
    detail: `dead letter ${record.topic}/${record.partition} offset ${record.offset}: ${why}`,
  })
}
