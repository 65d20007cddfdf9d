import { createHash } from 'node:crypto'
import {
  HoldfastError,
  offset,
  type Headers,
  type LogRecord,
  type NewRecord,
  type Offset,
  type Position,
} from '../../event/index.ts'
import type { Failure } from '../failure.ts'
import { Fields } from '../lane/fields.ts'
import type { LetterChange } from '../letter-state.ts'
import { causeOf } from './cause.ts'

/**
 * A dead letter: an event that a group gave up, kept whole. It lives in the topic `<topic>.<group>.dead`, in the
 * partition that the event came from, as one record for each thing that happened to it (`letter-state.ts`). A death
 * holds the event's own bytes as the value, its own headers, and beside them one header `hf-letter` with everything
 * else; an edit holds the edited event in the same way; the other kinds hold that header only. Nothing is ever changed
 * in place: the original stays whatever is done to the letter.
 */
export interface DeadLetter {
  /** The same for the same event however often it dies: hash of topic, partition, offset, group and generation. */
  readonly id: string
  /** 0, or that of the replay which reprocessed the event's range before it died. */
  readonly generation: number
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
/** Of deaths and what the owner decides. */
const FIRST_VERSION = 1
/** Of edits, notes and restorations: who does not know them must not take a letter for what it was before. */
const SECOND_VERSION = 2
/** Of everything about letters of a range that was reprocessed. */
const VERSION = 3

export interface Death {
  readonly group: string
  /** Defaults to 0. */
  readonly generation?: number
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
  const { generation = 0 } = death
  const letter = {
    version: versionOf('died', generation),
    kind: 'died',
    id: letterIdOf(record, death.group, generation),
    ...(generation > 0 && { generation }),
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
    cause: causeOf(death.reason, death.last).id,
    error: death.last.code ?? death.last.name,
    // Last, so that whoever folds thousands need not read the stacks (see `withoutFailures`).
    first: isRepeated(death) ? { at: death.first.at } : death.first,
    last: death.last,
  }
  return {
    key: letter.id,
    value,
    headers: { ...headers, [LETTER_HEADER]: JSON.stringify(letter) },
    partition,
  }
}

/** Most die of what failed at first: then its words and its stack are those of the last failure, and not kept twice. */
function isRepeated({ first, last }: Pick<Death, 'first' | 'last'>): boolean {
  const { name, code, message, stack } = first
  return name === last.name && code === last.code && message === last.message && stack === last.stack
}

/** Which letter. The generation is 0 until a replay reprocesses a range under a new one. */
export interface LetterPlace {
  readonly origin: Position
  readonly group: string
  readonly generation: number
}

/** The same for one event of a group, however often it dies; a replay that reprocesses has another generation. */
function letterIdOf({ topic, partition, offset }: Position, group: string, generation: number): string {
  const hash = createHash('sha256').update(`${topic}\n${partition}\n${offset}\n${group}\n${generation}`)
  return `dl_${hash.digest('hex').slice(0, 16)}`
}

/** Whose wish a change was, and why. */
export interface Wish {
  readonly by: string
  readonly reason: string
}

/** The record that says what became of a letter. A death is written by {@link encodeLetter}, with the event. */
export function encodeChange(
  { origin, group, generation }: LetterPlace,
  change: Exclude<LetterChange, { kind: 'died' }>,
  wish: Wish | undefined,
  /** With an edit only: the event that the next replay runs. */
  event?: Pick<LogRecord, 'key' | 'headers' | 'value' | 'timestamp'>,
): NewRecord {
  const id = letterIdOf(origin, group, generation)
  const letter = {
    version: versionOf(change.kind, generation),
    id,
    ...(generation > 0 && { generation }),
    offset: String(origin.offset),
    ...changeFields(change),
    ...wish,
    ...(event && { key: event.key, eventTime: event.timestamp }),
  }
  return {
    key: id,
    value: event?.value ?? null,
    headers: { ...event?.headers, [LETTER_HEADER]: JSON.stringify(letter) },
    partition: origin.partition,
  }
}

/** The lowest that can be told so: an older Holdfast goes on reading what it knows. */
function versionOf(kind: LetterChange['kind'], generation: number): number {
  if (generation > 0 || kind === 'superseded') return VERSION
  return kind === 'edited' || kind === 'noted' || kind === 'restored' ? SECOND_VERSION : FIRST_VERSION
}

/** The change's version is the one that was seen; `version` itself is that of the format. */
function changeFields(change: Exclude<LetterChange, { kind: 'died' }>): Record<string, unknown> {
  if (!('version' in change)) return { ...change }
  const { version, ...rest } = change
  return { ...rest, seen: version }
}

/** What one record of a dead topic says. */
export interface LetterRecord {
  readonly id: string
  readonly generation: number
  /** Offset of its event in the partition that it came from. */
  readonly origin: Offset
  readonly change: LetterChange
  /** Of a decision, an edit or a note. */
  readonly by: string | undefined
  readonly why: string | undefined
  /** With a death only. */
  readonly death: DeathFacts | undefined
}

/** What a list needs of a death. */
export interface DeathFacts {
  readonly diedAt: number
  readonly reason: string
  readonly attempts: number
  readonly cause: string
  /** Code or class of the last error. */
  readonly error: string
  readonly key: string | undefined
  readonly eventType: string | undefined
}

/** Throws `LOG_CORRUPT` for what is no record of a letter, and `LOG_VERSION` for what a newer Holdfast wrote. */
export function decodeChange(record: LogRecord): LetterRecord {
  const where = `dead letter ${record.topic}/${record.partition} offset ${record.offset}`
  const text = record.headers[LETTER_HEADER]
  const fields = Fields.parse(withoutFailures(text), where)
  const version = fields.count('version')
  if (version > VERSION) {
    throw new HoldfastError('LOG_VERSION', {
      detail: `${where} has format ${version}, known up to ${VERSION}`,
    })
  }
  const change = changeIn(fields)
  return {
    id: fields.text('id'),
    generation: fields.maybe('generation')?.count('generation') ?? 0,
    origin: offset(fields.digits('offset')),
    change,
    by: fields.maybe('by')?.text('by'),
    why: change.kind === 'died' ? undefined : fields.maybe('reason')?.text('reason'),
    death:
      change.kind === 'died' ? deathIn(fields, record.headers, () => Fields.parse(text, where)) : undefined,
  }
}

/**
 * The text up to the two errors with their stacks, which are most of it: folding 100,000 letters takes half the time.
 * Within a JSON text a quote is escaped, so what looks like a member is one.
 */
function withoutFailures(text: string | undefined): string | undefined {
  const cut = text?.indexOf(',"first":{') ?? -1
  return cut < 0 ? text : `${text?.slice(0, cut)}}`
}

function changeIn(fields: Fields): LetterChange {
  const kind = fields.oneOf('kind', [
    'died',
    'replaying',
    'discarded',
    'restored',
    'resolved',
    'superseded',
    'edited',
    'noted',
  ])
  switch (kind) {
    case 'died':
      return { kind, round: fields.maybe('round')?.count('round') ?? 0 }
    case 'resolved':
      return { kind, round: fields.count('round') }
    case 'replaying':
    case 'discarded':
    case 'restored':
      return { kind, version: fields.count('seen'), request: fields.text('request') }
    case 'edited':
      return { kind, version: fields.count('seen') }
    case 'superseded':
    case 'noted':
      return { kind }
  }
}

function deathIn(fields: Fields, headers: Headers, whole: () => Fields): DeathFacts {
  // Letters of 0.1.0 have the cause behind the errors.
  const named = fields.maybe('error') ? fields : whole()
  return {
    diedAt: fields.count('diedAt'),
    reason: fields.text('reason'),
    attempts: fields.count('attempts'),
    cause: named.text('cause'),
    error: named.maybe('error')?.text('error') ?? errorIn(named.object('last')),
    key: fields.maybe('key')?.text('key'),
    eventType: headers['ce_type'],
  }
}

function errorIn(last: Fields): string {
  return last.maybe('code')?.text('code') ?? last.text('name')
}

/** Undefined for a record that is no death. */
export function decodeLetter(record: LogRecord): DeadLetter | undefined {
  const { [LETTER_HEADER]: _, ...headers } = record.headers
  if (decodeChange(record).change.kind !== 'died') return undefined
  const letter = JSON.parse(record.headers[LETTER_HEADER] ?? '') as Omit<
    DeadLetter,
    'headers' | 'value' | 'first' | 'generation'
  > & {
    generation?: number
    first: Failure | Pick<Failure, 'at'>
    version: number
    kind: string
    round: number
    error: string
  }
  const { version: _version, kind: _kind, round: _round, error: _error, ...rest } = letter
  const { value } = record
  const first = 'name' in rest.first ? rest.first : { ...rest.last, at: rest.first.at }
  const { generation = 0 } = rest
  return {
    ...rest,
    generation,
    first,
    eventId: headers['ce_id'],
    eventType: headers['ce_type'],
    headers,
    value,
  }
}

/** The event in a death or an edit, as its topic had it. */
export function eventIn(record: LogRecord, topic: string): LogRecord {
  const { [LETTER_HEADER]: text, ...headers } = record.headers
  const where = `dead letter ${record.topic}/${record.partition} offset ${record.offset}`
  const fields = Fields.parse(text, where)
  return {
    topic,
    partition: record.partition,
    offset: offset(fields.digits('offset')),
    key: fields.maybe('key')?.text('key'),
    headers,
    value: record.value,
    timestamp: fields.count('eventTime'),
  }
}
