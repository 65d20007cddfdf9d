import { offset, seededRandom, type Offset } from '../../../src/event/index.ts'
import type { Effect, Input, PlacedRecord } from '../../../src/recover/lane/lane-io.ts'
import type { RetryLaneOptions } from '../../../src/recover/lane/lane-parts.ts'
import type { Request } from '../../../src/recover/lane/lane-record.ts'
import type { RetryLane } from '../../../src/recover/lane/lane.ts'
import type { LetterChange, LetterState } from '../../../src/recover/letter-state.ts'
import type { TopicMark } from '../topic-mark.ts'

/** What is put to the test: the machine and the fold of letters, or versions of them with a planted fault. */
export interface Subject {
  retryLane(options: RetryLaneOptions): RetryLane
  letterAfter(state: LetterState | undefined, change: LetterChange): LetterState | undefined
}

export interface WorldOptions {
  readonly trace?: boolean
  /** The id of a takeover, by its number. */
  readonly tenureOf?: (owner: number) => string
}

/** A promise that was broken. */
export class Broken extends Error {}

/** How many attempts a handler has, and how many deaths are an event's own doing. */
export const MAX_ATTEMPTS = 2
export const MAX_DEATHS = 2
/** Of a retry, milliseconds. */
export const MAX_WAIT_MS = 30

/**
 * One partition of a topic, its lane, its dead letters, a database with inbox and lease, and processes that take the
 * partition over: all that there is, and the chances that decide what happens next.
 */
export class World {
  readonly subject: Subject
  readonly random: () => number
  readonly tenureOf: (owner: number) => string
  readonly trace: string[] | undefined
  readonly tx: boolean
  readonly hold: boolean
  readonly order: 'key' | 'none' | 'partition'
  readonly batch: boolean
  readonly stored: boolean
  readonly main: readonly Main[]
  readonly end: Offset
  readonly failing: number
  readonly faults: number
  steps = 0
  lane: PlacedRecord[] = []
  laneStart = offset(0)
  laneEnd = offset(0)
  letters = new Map<Offset, LetterState>()
  committed: { main: Offset; note: string | undefined }
  generation = 0
  lease: number | undefined
  /** By generation and offset. */
  inbox = new Set<string>()
  ranges: Range[] = []
  /** A range that is to be run again, and is not open yet. */
  wish: Pick<Range, 'from' | 'to'> | undefined
  cancelled = false
  /** Effects from this one on stand in order: those before it are older than what was run again last. */
  inOrderFrom = 0
  done: Done[] = []
  skipped = new Set<Offset>()
  released = new Set<Offset>()
  everReleased = new Set<Offset>()
  /** Dead, and their key goes on: it was let go by a release or a discard, and then the letter was changed. */
  letGo = new Set<Offset>()
  owners: Owner[] = []
  /** Takeovers that were accepted: number and fence. */
  live: { readonly number: number; readonly fence: Offset }[] = []
  requests: (Request & { readonly position: Offset })[] = []
  requestNumber = 0
  /** Requests that a letter was decided by. */
  won = new Set<string>()
  begun = new Map<Offset, Set<string>>()
  /** Events for which a park was ever asked. */
  parked = new Set<Offset>()
  /** By generation, event and failed attempts: when handlers wanted the next, or owners whose clocks differ allowed it. */
  wanted = new Map<string, number[]>()
  hurried = new Set<Offset>()
  now = 1_000
  healed = false
  mended = false
  /** What this run has seen of each kind, so that a test can say that it was there. */
  readonly seen = new Map<string, number>()

  constructor(seed: number, subject: Subject, options: WorldOptions = {}) {
    this.subject = subject
    this.tenureOf = options.tenureOf ?? (owner => `W${owner}`)
    this.random = seededRandom(seed)
    this.trace = options.trace ? [] : undefined
    this.tx = this.chance(0.6)
    this.hold = this.chance(0.3)
    this.order = this.chance(0.85) ? 'key' : this.pick(['none', 'partition'])
    this.batch = this.chance(0.2)
    this.stored = this.chance(0.02)
    this.failing = this.pick([0, 0.1, 0.3, 0.6])
    this.faults = this.pick([0.01, 0.03, 0.08])
    const bad = this.pick([0, 0.1, 0.4])
    const deadly = this.pick([0, 0, 0.3])
    const keys = 1 + Math.floor(this.random() * 2.5)
    let at = 0n
    this.main = Array.from({ length: 2 + Math.floor(this.random() * 5) }, () => {
      at += this.chance(0.3) ? 3n : 1n
      const key = this.chance(0.9) ? `K${Math.floor(this.random() * keys)}` : undefined
      return {
        offset: offset(at),
        key,
        queue: this.queueOf(offset(at), key),
        bad: this.chance(bad),
        unwanted: this.chance(0.03),
        deadly: this.chance(deadly),
      }
    })
    this.end = offset(at + 1n)
    this.committed = { main: offset(1), note: undefined }
    const { tx, hold, order, batch, stored, failing, faults, main } = this
    this.say('world', { tx, hold, order, batch, stored, failing, faults, main })
    this.count(`order ${this.order}`)
    if (this.batch) this.count('batches')
  }

  // ---- chances, and what is told of them

  queueOf(at: Offset, key: string | undefined): string {
    if (this.order === 'partition') return 'all'
    return this.order === 'none' || key === undefined ? `${at} alone` : key
  }

  chance(p: number): boolean {
    return this.random() < p
  }

  below(n: number): number {
    return Math.floor(this.random() * n)
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T
  }

  say(...words: readonly unknown[]): void {
    this.trace?.push(
      words
        .map(word =>
          typeof word === 'string'
            ? word
            : JSON.stringify(word, (_, value: unknown) =>
                typeof value === 'bigint' ? Number(value) : value,
              ),
        )
        .join(' '),
    )
  }

  count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  broken(what: string): never {
    this.say('BROKEN', what)
    throw new Broken(what)
  }

  generationOf(at: Offset): number {
    return generationAt(this.ranges, at)
  }

  /** Of the first record from there on. */
  indexOf(at: Offset): number {
    const index = this.main.findIndex(record => record.offset >= at)
    return index < 0 ? this.main.length : index
  }

  record(origin: Offset): Main {
    return this.main.find(record => record.offset === origin) ?? this.broken(`no record ${origin}`)
  }

  clockOf({ skew }: Owner): number {
    return this.now + skew
  }

  /** The row of the inbox. Whoever has the lease knows all ranges. */
  proof(at: Offset): string {
    return `${this.generationOf(at)} ${at}`
  }
}

export function generationAt(ranges: readonly Range[], at: Offset): number {
  return ranges.findLast(({ from, to }) => at >= from && at < to)?.generation ?? 0
}

export type Append = Extract<Effect, { kind: 'append' }>
type Written = Extract<Effect, { kind: 'letter' }>
export type Running = Extract<Effect, { kind: 'run' }>
export type Check = Extract<Effect, { kind: 'check' }>
export type LookUp = Extract<Effect, { kind: 'look-up' }>
type Commit = Extract<Effect, { kind: 'commit' }>

/** A record of the topic. */
export interface Main {
  readonly offset: Offset
  readonly key: string | undefined
  /** Records with the same one keep their order. */
  readonly queue: string
  /** It can never be applied, until somebody mends the handler. */
  readonly bad: boolean
  /** Its handler always says that it is to be left out. */
  readonly unwanted: boolean
  /** The process dies of it once it is in the lane. */
  readonly deadly: boolean
}

/** One process that took the partition over, with what is on its way to and from it. */
export interface Owner {
  readonly number: number
  readonly generation: number
  lane: RetryLane | undefined
  mark: TopicMark
  readTo: Offset
  /** Index of the next record of the topic. */
  next: number
  delivered: number
  appends: Append[]
  letters: Written[]
  lookUps: LookUp[]
  checks: Check[]
  runs: Running[]
  commit: { readonly of: Commit; accepted: boolean | undefined } | undefined
  answers: Input[]
  replayed: Set<string>
  /** Dead. What it had sent may still arrive. */
  crashed: boolean
  /** Stands still; whether what it had sent goes out meanwhile. */
  stopped: boolean
  leaks: boolean
  /** Not the owner any more, and it knows. */
  over: boolean
  /** Its appends to the lane take long, and everything else overtakes them. */
  readonly slow: boolean
  leaving: boolean
  /** It ended, and nothing of it is on its way any more. */
  gone: boolean
  /** How far its clock is from the others'. */
  readonly skew: number
  /** The range that it runs again, and nothing newer. */
  range: Range | undefined
  /** Index behind the last record that it delivers. */
  last: number
  /** As it was when it took over. */
  generationOf: (origin: Offset) => number
  /** It lets go so that a range can be opened or closed, and does that when it has. */
  turning: boolean
  /** When it last decided to run an entry. */
  readonly begun: Map<Offset, number>
}

/** A range that is or was reprocessed, as the database has it. */
export interface Range {
  readonly generation: number
  readonly from: Offset
  readonly to: Offset
  position: Offset
  isOver: boolean
}

export interface Done {
  readonly offset: Offset
  readonly queue: string
  readonly round: number
  readonly owner: number
  readonly late: boolean
  /** End of the lane then. */
  readonly at: Offset
}
