import {
  HoldfastError,
  offset,
  othersTurn,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { letterAfter, type LetterState } from '../letter-state.ts'
import { originOf } from './dead-topic.ts'
import { decodeChange, eventIn, type DeathFacts, type LetterRecord } from './letter-record.ts'

/**
 * The letters of one partition of a group, as they stand: the fold of its dead topic, read once and then only what is
 * new. It holds a few hundred bytes for each letter; events, errors and reasons stay in the log and are read by place.
 */
export class LetterBook {
  readonly #log: Log
  /** Where the letters are. */
  readonly dead: TopicPartition
  /** Of the events. */
  readonly topic: string
  readonly #maxLetters: number
  readonly #lastRecords: number
  /** In the order of their first deaths. */
  readonly #letters = new Map<Offset, Entry>()
  #forgotten = 0
  #open = 0
  #replaying = 0
  /** Undefined before the first look. */
  #readTo: Offset | undefined
  #isCut = false
  #reading: Promise<void> | undefined
  /** One object for each text that comes again and again. */
  readonly #texts = new Map<string, string>()

  constructor(log: Log, dead: TopicPartition, { maxLetters, lastRecords }: BookOptions = {}) {
    this.#log = log
    this.dead = dead
    this.topic = originOf(dead.topic)?.topic ?? dead.topic
    this.#maxLetters = maxLetters ?? Infinity
    this.#lastRecords = lastRecords ?? Infinity
  }

  /** Reads to the end that the partition has when this is called. */
  async readOn(signal: AbortSignal): Promise<void> {
    // One reader at a time: the fold wants each record once. Who comes meanwhile needs a later end.
    while (this.#reading) await this.#reading
    this.#reading = this.#read(signal)
    try {
      await this.#reading
    } finally {
      this.#reading = undefined
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { start, end } = await this.#log.bounds(this.dead)
    // Another topic of that name, or an end that a broker does not know yet: read once more.
    if (this.#readTo !== undefined && end < this.#readTo) this.#beginAnew()
    let at = this.#readTo ?? this.#first(start, end)
    if (at < start) at = start
    while (at < end && !signal.aborted) {
      const page = await this.#log.read({ ...this.dead, offset: at }, PAGE, signal)
      for (const record of page.records) this.#note(decodeChange(record), record)
      this.#readTo = at = page.next
      await othersTurn() // folding many pages must not hold the process
    }
  }

  #beginAnew(): void {
    this.#letters.clear()
    this.#forgotten = this.#open = this.#replaying = 0
    this.#readTo = undefined
  }

  #first(start: Offset, end: Offset): Offset {
    if (end - start <= this.#lastRecords) return start
    this.#isCut = true
    return offset(end - BigInt(this.#lastRecords))
  }

  /** Whether there are older records than those that were read. */
  get isCut(): boolean {
    return this.#isCut
  }

  of(origin: Offset): BookedLetter | undefined {
    return this.#letters.get(origin)
  }

  /** In the order of their first deaths. */
  get letters(): Iterable<BookedLetter> {
    return this.#letters.values()
  }

  /** Letters that nobody has decided about, or whose replay is under way. */
  get open(): number {
    return this.#open
  }

  /** When the oldest of them died first, milliseconds since 1970. */
  get oldestOpenAt(): number | undefined {
    if (this.#open === 0) return undefined
    for (const { state, firstDiedAt } of this.#letters.values()) if (isOpen(state)) return firstDiedAt
    return undefined
  }

  /** Letters whose replay is under way. */
  get replaying(): number {
    return this.#replaying
  }

  /** Older ones that the book holds no more. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** The event that the next replay runs. */
  async event(letter: BookedLetter, signal: AbortSignal): Promise<LogRecord> {
    return eventIn(await this.record(letter.event, signal), this.topic)
  }

  /** The record of a dead topic at a place that the book has named. */
  async record(at: Offset, signal: AbortSignal): Promise<LogRecord> {
    const { records } = await this.#log.read({ ...this.dead, offset: at }, ONE, signal)
    const [record] = records
    if (record?.offset === at) return record
    throw new HoldfastError('LOG_CORRUPT', {
      detail: `the dead letter at ${this.dead.topic}/${this.dead.partition} offset ${at} is not there any more`,
    })
  }

  /** Records to both sides of a place, as far as there are some and a page holds them. */
  async recordsAround(at: Offset, toEachSide: number, signal: AbortSignal): Promise<readonly LogRecord[]> {
    const { start } = await this.#log.bounds(this.dead)
    const from = at - BigInt(toEachSide) > start ? offset(at - BigInt(toEachSide)) : start
    const limits = { ...PAGE, maxRecords: 2 * toEachSide + 1 }
    return (await this.#log.read({ ...this.dead, offset: from }, limits, signal)).records
  }

  #note({ id, generation, origin, change, death }: LetterRecord, record: LogRecord): void {
    const before = this.#letters.get(origin)
    // Of one event only the newest letter is kept: those of before its range was reprocessed are over.
    if (before && generation < before.generation) return
    const known = before?.generation === generation ? before : undefined
    const state = letterAfter(known?.state, change)
    if (!state) return
    if (!known) {
      // The end of a replay, of a letter that is older than what is read or kept here.
      if (change.kind !== 'died' || change.round > 0) return
      if (before) this.#drop(before)
      if (death) this.#add({ id, generation, origin, state, ...this.#facts(death), at: record.offset })
      return
    }
    // Written twice around a crash, or too late: what is said there does not count, and neither do its bytes.
    if (state === known.state && change.kind !== 'noted') return
    known.changes.push(record.offset)
    if (known.changes.length > MAX_CHANGES) known.changes.splice(1, 1)
    this.#open += Number(isOpen(state)) - Number(isOpen(known.state))
    this.#replaying += Number(state.status === 'replaying') - Number(known.state.status === 'replaying')
    known.state = state
    if (death) Object.assign(known, this.#facts(death), { death: record.offset })
    if (death || change.kind === 'edited') known.event = record.offset
  }

  #add(letter: Pick<Entry, 'id' | 'generation' | 'origin' | 'state' | 'at'> & DeathFacts): void {
    const { at, diedAt } = letter
    const place = { topic: this.topic, partition: this.dead.partition }
    const rest = { firstDiedAt: diedAt, death: at, event: at, changes: [at] }
    this.#letters.set(letter.origin, { ...letter, ...place, ...rest })
    this.#open += 1
    if (this.#letters.size <= this.#maxLetters) return
    const [oldest] = this.#letters.values()
    if (!oldest) return
    this.#drop(oldest)
    this.#forgotten += 1
  }

  #drop({ origin, state }: Entry): void {
    this.#letters.delete(origin)
    this.#open -= Number(isOpen(state))
    this.#replaying -= Number(state.status === 'replaying')
  }

  #facts({ reason, cause, error, eventType, ...rest }: DeathFacts): DeathFacts {
    return {
      ...rest,
      reason: this.#one(reason),
      cause: this.#one(cause),
      error: this.#one(error),
      eventType: eventType === undefined ? undefined : this.#one(eventType),
    }
  }

  #one(text: string): string {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size < MAX_TEXTS) this.#texts.set(text, text)
    return text
  }
}

export interface BookOptions {
  /** With more letters, the oldest are forgotten. Defaults to none; an owner forgets none. */
  readonly maxLetters?: number | undefined
  /**
   * Read no more than so many records at the end. A letter that died there is whole, since everything about it comes
   * after its death; of older ones nothing is known. Defaults to all.
   */
  readonly lastRecords?: number | undefined
}

/** A letter as a list needs it. */
export interface BookedLetter extends DeathFacts, TopicPartition {
  readonly id: string
  readonly generation: number
  /** Offset of its event. */
  readonly origin: Offset
  readonly state: LetterState
  readonly firstDiedAt: number
  /** Where its first death stands. It never changes, so lists are in this order. */
  readonly at: Offset
  /** Where the last death stands that counted. */
  readonly death: Offset
  /** Where the event stands that the next replay runs: in the last death that counted, or in a later edit. */
  readonly event: Offset
  /** Where everything stands that was written about it and counts: the first death, and the newest of the others. */
  readonly changes: readonly Offset[]
}

type Entry = { -readonly [K in keyof Omit<BookedLetter, 'changes'>]: BookedLetter[K] } & {
  readonly changes: Offset[]
}

/** Dead now, or on its way: somebody still has to see to it. */
export function isOpen({ status }: LetterState): boolean {
  return status === 'died' || status === 'replaying'
}

const PAGE = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
/** Of one letter, for its history. */
const MAX_CHANGES = 200
const MAX_TEXTS = 10_000
