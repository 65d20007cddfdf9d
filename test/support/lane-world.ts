import { offset, seededRandom, type LogRecord, type Offset } from '../../src/event/index.ts'
import type {
  Body,
  Effect,
  Input,
  PlacedRecord,
  RunEvent,
  RunResult,
} from '../../src/recover/lane/lane-io.ts'
import type { RetryLaneOptions } from '../../src/recover/lane/lane-parts.ts'
import type { RetryLane } from '../../src/recover/lane/lane.ts'
import { decodeLaneRecord, encodeLaneRecord } from '../../src/recover/lane/lane-codec.ts'
import { decodeNote, encodeNote } from '../../src/recover/lane/tenure.ts'
import type { LaneRecord, Request } from '../../src/recover/lane/lane-record.ts'
import type { LetterChange, LetterState } from '../../src/recover/letter-state.ts'
import { TopicMark } from './topic-mark.ts'

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

type Append = Extract<Effect, { kind: 'append' }>
type Written = Extract<Effect, { kind: 'letter' }>
type Running = Extract<Effect, { kind: 'run' }>
type Check = Extract<Effect, { kind: 'check' }>
type LookUp = Extract<Effect, { kind: 'look-up' }>
type Commit = Extract<Effect, { kind: 'commit' }>

/** A record of the topic. */
interface Main {
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
interface Owner {
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
interface Range {
  readonly generation: number
  readonly from: Offset
  readonly to: Offset
  position: Offset
  isOver: boolean
}

interface Done {
  readonly offset: Offset
  readonly queue: string
  readonly round: number
  readonly owner: number
  readonly late: boolean
  /** End of the lane then. */
  readonly at: Offset
}

const MAX_ATTEMPTS = 2
const MAX_DEATHS = 2
/** Of a retry, milliseconds. */
const MAX_WAIT_MS = 30
const STEPS = 130
const HEALING_STEPS = 6_000

/**
 * One partition of a topic, its lane, its dead letters, a database with inbox and lease, and processes that take the
 * partition over, crash, stand still and come back. Everything that happens is drawn from the seed. `play` ends when
 * the faults have ended and nothing is left to do, and throws {@link Broken} as soon as a promise is.
 */
export class LaneWorld {
  readonly #subject: Subject
  readonly #random: () => number
  readonly #tenureOf: (owner: number) => string
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
  #lane: PlacedRecord[] = []
  #laneStart = offset(0)
  #laneEnd = offset(0)
  #letters = new Map<Offset, LetterState>()
  #committed: { main: Offset; note: string | undefined }
  #generation = 0
  #lease: number | undefined
  /** By generation and offset. */
  #inbox = new Set<string>()
  #ranges: Range[] = []
  /** A range that is to be run again, and is not open yet. */
  #wish: Pick<Range, 'from' | 'to'> | undefined
  #cancelled = false
  /** Effects from this one on stand in order: those before it are older than what was run again last. */
  #inOrderFrom = 0
  #done: Done[] = []
  #skipped = new Set<Offset>()
  #released = new Set<Offset>()
  #everReleased = new Set<Offset>()
  /** Dead, and their key goes on: it was let go by a release or a discard, and then the letter was changed. */
  #letGo = new Set<Offset>()
  #owners: Owner[] = []
  /** Takeovers that were accepted: number and fence. */
  #live: { readonly number: number; readonly fence: Offset }[] = []
  #requests: (Request & { readonly position: Offset })[] = []
  #requestNumber = 0
  /** Requests that a letter was decided by. */
  #won = new Set<string>()
  #begun = new Map<Offset, Set<string>>()
  /** Events for which a park was ever asked. */
  #parked = new Set<Offset>()
  /** By generation, event and failed attempts: when handlers wanted the next, or owners whose clocks differ allowed it. */
  #wanted = new Map<string, number[]>()
  #hurried = new Set<Offset>()
  #now = 1_000
  #healed = false
  #mended = false
  /** What this run has seen of each kind, so that a test can say that it was there. */
  readonly seen = new Map<string, number>()

  constructor(seed: number, subject: Subject, options: WorldOptions = {}) {
    this.#subject = subject
    this.#tenureOf = options.tenureOf ?? (owner => `W${owner}`)
    this.#random = seededRandom(seed)
    this.trace = options.trace ? [] : undefined
    this.tx = this.#chance(0.6)
    this.hold = this.#chance(0.3)
    this.order = this.#chance(0.85) ? 'key' : this.#pick(['none', 'partition'])
    this.batch = this.#chance(0.2)
    this.stored = this.#chance(0.02)
    this.failing = this.#pick([0, 0.1, 0.3, 0.6])
    this.faults = this.#pick([0.01, 0.03, 0.08])
    const bad = this.#pick([0, 0.1, 0.4])
    const deadly = this.#pick([0, 0, 0.3])
    const keys = 1 + Math.floor(this.#random() * 2.5)
    let at = 0n
    this.main = Array.from({ length: 2 + Math.floor(this.#random() * 5) }, () => {
      at += this.#chance(0.3) ? 3n : 1n
      const key = this.#chance(0.9) ? `K${Math.floor(this.#random() * keys)}` : undefined
      return {
        offset: offset(at),
        key,
        queue: this.#queueOf(offset(at), key),
        bad: this.#chance(bad),
        unwanted: this.#chance(0.03),
        deadly: this.#chance(deadly),
      }
    })
    this.end = offset(at + 1n)
    this.#committed = { main: offset(1), note: undefined }
    this.#say('world', this)
    this.#count(`order ${this.order}`)
    if (this.batch) this.#count('batches')
  }

  #queueOf(at: Offset, key: string | undefined): string {
    if (this.order === 'partition') return 'all'
    return this.order === 'none' || key === undefined ? `${at} alone` : key
  }
  #chance(p: number): boolean {
    return this.#random() < p
  }
  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)] as T
  }
  #say(...words: readonly unknown[]): void {
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
  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }
  #broken(what: string): never {
    this.#say('BROKEN', what)
    throw new Broken(what)
  }

  // ---- the run

  play(): this {
    this.#takeOver()
    for (let step = 0; step < STEPS; step++) {
      this.steps++
      if (this.#chance(this.faults)) {
        this.#fault()
        continue
      }
      if (this.#chance(0.05)) for (const owner of this.#owners) owner.stopped = false
      if (this.#chance(0.06)) this.#operator()
      if (this.#chance(0.01)) this.#mended = true
      if (this.tx && this.#chance(0.02)) this.#wishAgain()
      this.#act()
    }
    this.#heal()
    this.#judge()
    return this
  }

  #heal(): void {
    this.#healed = true
    this.#say('HEAL')
    for (const owner of this.#owners) owner.stopped = false
    const last = this.#owners.at(-1)
    if (!last || last.crashed || last.over || last.leaving || this.#chance(0.5)) this.#takeOver()
    for (let step = 0; step < HEALING_STEPS; step++) {
      this.steps++
      const last = this.#owners.at(-1)
      if (last?.crashed) this.#takeOver()
      if (this.#act()) continue
      const due = last?.lane?.dueAt
      if (due !== undefined) {
        this.#now = Math.max(this.#now, due - (last?.skew ?? 0))
        continue
      }
      if (!this.hold || !this.#releaseOne()) return
    }
  }

  #act(): boolean {
    let total = 0
    let chosen: (() => void) | undefined
    this.#actions((weight, action) => {
      total += weight
      // Each keeps its share of the chances, whatever comes after it.
      if (this.#random() * total < weight) chosen = action
    })
    chosen?.()
    return chosen !== undefined
  }

  #fault(): void {
    const owner = this.#owners.at(-1)
    if (!owner) return
    const kind = this.#random()
    if (kind < 0.35) this.#crash(owner)
    else if (kind < 0.65) {
      this.#say('STOP', owner.number)
      this.#count('stopped')
      owner.stopped = true
      owner.leaks = this.#chance(0.5)
    } else if (kind < 0.8 && owner.lane?.phase === 'live' && !owner.crashed && !owner.over) {
      this.#say('LEAVE', owner.number)
      owner.leaving = true
      this.#tell(owner, { kind: 'stop' })
      return
    }
    this.#takeOver()
  }

  #crash(owner: Owner): void {
    if (owner.crashed) return
    this.#say('CRASH', owner.number)
    this.#count('crashed')
    owner.crashed = true
    owner.answers = []
    owner.appends.length = this.#below(owner.appends.length + 1)
    owner.letters.length = this.#below(owner.letters.length + 1)
  }

  // ---- owners

  #takeOver(): void {
    const owner: Owner = {
      number: this.#owners.length,
      generation: ++this.#generation,
      lane: undefined,
      mark: new TopicMark(offset(0)),
      readTo: offset(0),
      next: 0,
      delivered: 0,
      appends: [],
      letters: [],
      lookUps: [],
      checks: [],
      runs: [],
      commit: undefined,
      answers: [],
      replayed: new Set(),
      crashed: false,
      stopped: false,
      leaks: false,
      over: false,
      slow: this.#chance(0.25),
      leaving: false,
      gone: false,
      skew: this.#chance(0.2) ? this.#pick([-40, 40]) : 0,
      range: undefined,
      last: this.main.length,
      generationOf: () => 0,
      turning: false,
      begun: new Map(),
    }
    this.#owners.push(owner)
    this.#say('TAKE', owner.number)
  }

  /** The lease, the positions with their note, and then the machine. */
  #begin(owner: Owner): void {
    if (owner.generation !== this.#generation) {
      owner.over = true
      return
    }
    this.#lease = owner.number
    const { main, note } = this.#committed
    const decoded = note === undefined ? undefined : decodeNote(note, 'the world')
    const ranges = [...this.#ranges]
    owner.generationOf = at => generationAt(ranges, at)
    owner.range = ranges.find(range => !range.isOver)
    const from = owner.range?.position ?? main
    owner.mark = new TopicMark(from)
    owner.next = this.#indexOf(from)
    if (owner.range) owner.last = this.#indexOf(owner.range.to)
    owner.readTo = decoded?.lane ?? this.#laneStart
    owner.lane = this.#subject.retryLane({
      topic: 't',
      group: 'g',
      generationOf: owner.generationOf,
      from: owner.range?.position,
      tenure: this.#tenureOf(owner.number),
      committed: main,
      note: decoded,
      laneStart: this.#laneStart,
      watermark: owner.mark,
      settings: {
        order: this.order,
        whenDead: this.hold ? 'hold' : 'continue',
        maxParked: this.#pick([3, 100]),
        maxRuns: this.#pick([1, 4]),
        maxWaitMs: MAX_WAIT_MS,
        maxDeaths: MAX_DEATHS,
        compactFrom: this.#pick([2, 4, 12]),
        sparse: 2,
        batch: this.batch ? { max: 1 + this.#below(4), withinMs: 5 } : undefined,
      },
    })
    this.#tell(owner, { kind: 'tick' })
  }

  /** Of the first record from there on. */
  #indexOf(at: Offset): number {
    const index = this.main.findIndex(record => record.offset >= at)
    return index < 0 ? this.main.length : index
  }

  // ---- ranges that are run again

  #generationOf(at: Offset): number {
    return generationAt(this.#ranges, at)
  }

  #wishAgain(): void {
    if (this.#ranges.some(range => !range.isOver)) {
      this.#cancelled ||= this.#chance(0.2)
      return
    }
    const done = this.main.filter(record => record.offset < this.#committed.main)
    if (this.#wish || this.#ranges.length >= 3 || done.length === 0) return
    const first = this.#below(done.length)
    const last = first + this.#below(done.length - first)
    const from = done[first]?.offset ?? offset(0)
    const to = offset((done[last]?.offset ?? 0n) + 1n)
    this.#wish = { from, to }
    this.#say('AGAIN', this.#wish)
  }

  /** It lets go when there is something to be done that nobody may be at work for. */
  #turn(owner: Owner): void {
    this.#say('TURN', owner.number)
    owner.turning = true
    owner.leaving = true
    this.#tell(owner, { kind: 'stop' })
  }

  #wantsTurn({ range, turning, leaving }: Owner): boolean {
    if (turning || leaving) return false
    return range ? range.position >= range.to || this.#cancelled : this.#wish !== undefined
  }

  /** What it let go for; under its lease, in one transaction. */
  #turned(owner: Owner): void {
    owner.turning = false
    if (this.#lease !== owner.number) return
    if (owner.range) this.#close(owner.range)
    else this.#open()
    if (this.#chance(0.9) || this.#healed) this.#takeOver()
  }

  #close(range: Range): void {
    this.#say('OVER', range)
    this.#count(range.position < range.to ? 'reprocess cancelled' : 'reprocess done')
    range.isOver = true
    this.#cancelled = false
  }

  #open(): void {
    if (!this.#wish) return
    const { from, to } = this.#wish
    this.#wish = undefined
    const isIn = (at: Offset): boolean => at >= from && at < to
    const generation = this.#ranges.length + 1
    this.#ranges.push({ generation, from, to, position: from, isOver: false })
    this.#say('RESET', this.#ranges.at(-1))
    this.#count('reprocess')
    this.#done = this.#done.filter(one => !isIn(one.offset))
    this.#inOrderFrom = this.#done.length
    // Closed as superseded, and of no account from here on: letters of the new generation are others.
    for (const [at, letter] of this.#letters) {
      if (!isIn(at)) continue
      if (letter.status !== 'resolved') this.#count('superseded a letter')
      this.#letters.delete(at)
    }
    for (const of of [this.#skipped, this.#released, this.#everReleased, this.#letGo])
      for (const at of of) if (isIn(at)) of.delete(at)
    for (const at of this.#begun.keys()) if (isIn(at)) this.#begun.delete(at)
  }

  #tell(owner: Owner, input: Input): void {
    const { lane } = owner
    if (!lane) return
    this.#say('TELL', owner.number, input)
    for (const effect of this.#handled(owner, lane, input)) this.#take(owner, effect)
    if (lane.phase === 'over') owner.over = true
  }

  #clockOf({ skew }: Owner): number {
    return this.#now + skew
  }

  /** Whoever finds damage asks the log first whether it is the owner still. */
  #handled(owner: Owner, lane: RetryLane, input: Input): readonly Effect[] {
    try {
      return lane.handle(input, this.#clockOf(owner))
    } catch (error) {
      if (owner.generation === this.#generation) throw error
      owner.over = true
      return []
    }
  }

  #take(owner: Owner, effect: Effect): void {
    this.#say('ASKS', owner.number, effect)
    switch (effect.kind) {
      case 'append':
        owner.appends.push(effect)
        if (effect.body?.from === 'letter' && effect.record.kind === 'park') {
          const name = `${effect.record.origin}.${effect.record.round}`
          if (owner.replayed.has(name)) this.#broken(`DOUBLE REPLAY of ${name}`)
          owner.replayed.add(name)
        }
        if (effect.record.kind === 'park') this.#checkPark(owner, effect.record, effect.body)
        if (effect.record.kind === 'start') owner.begun.set(effect.record.origin, this.#clockOf(owner))
        this.#count(effect.record.kind === 'park' ? `park from ${effect.body?.from}` : effect.record.kind)
        return
      case 'letter':
        owner.letters.push(effect)
        return
      case 'check':
        owner.checks.push(effect)
        this.#checkBody(owner, effect.event.origin, effect.event.body)
        return
      case 'look-up':
        owner.lookUps.push(effect)
        return
      case 'run':
        owner.runs.push(effect)
        this.#checkRun(owner, effect)
        return
      case 'commit':
        if (owner.commit) this.#broken('TWO COMMITS at once')
        owner.commit = { of: effect, accepted: undefined }
        return
    }
  }

  // ---- what can happen

  #actions(add: (weight: number, action: () => void) => void): void {
    for (const owner of this.#owners) {
      if (owner.turning && owner.over && !owner.crashed && !owner.stopped) add(2, () => this.#turned(owner))
      if (owner.gone) continue
      const sends = !owner.stopped || owner.leaks
      if (sends && owner.appends.length > 0) add(owner.slow ? 0.3 : 3, () => this.#landAppend(owner))
      if (sends && owner.letters.length > 0) add(3, () => this.#landLetter(owner))
      if (owner.commit && owner.commit.accepted === undefined) add(2, () => this.#decideCommit(owner))
      const ended = owner.crashed || owner.over
      const undecided = owner.commit !== undefined && owner.commit.accepted === undefined
      owner.gone = ended && !undecided && owner.appends.length + owner.letters.length === 0
      if (ended || owner.stopped) continue
      this.#actionsOf(owner, add)
    }
  }

  #actionsOf(owner: Owner, add: (weight: number, action: () => void) => void): void {
    const { lane, commit } = owner
    if (!lane) return add(2, () => this.#begin(owner))
    if (owner.answers.length > 0) add(4, () => this.#answer(owner))
    if (commit && commit.accepted !== undefined) add(2, () => this.#answerCommit(owner, commit))
    if (owner.readTo < this.#laneEnd) add(lane.phase === 'live' ? 1 : 4, () => this.#read(owner))
    for (const check of owner.checks) add(2, () => this.#askInbox(owner, check))
    for (const lookUp of owner.lookUps) add(2, () => this.#lookUp(owner, lookUp))
    if (lane.phase !== 'live') return
    if (this.#wantsTurn(owner)) add(1, () => this.#turn(owner))
    if (!lane.full && owner.next < owner.last && owner.mark.unfinished < 3 && !owner.leaving)
      add(3, () => this.#deliver(owner))
    for (const run of owner.runs) add(3, () => this.#finish(owner, run))
    if (lane.commitDue !== 'no') add(1, () => this.#tell(owner, { kind: 'commit-due' }))
    if (lane.forgettable > this.#laneStart) add(1, () => this.#forget(lane.forgettable))
    const { dueAt } = lane
    if (dueAt !== undefined && dueAt <= this.#clockOf(owner))
      add(3, () => this.#tell(owner, { kind: 'tick' }))
    if (dueAt !== undefined && dueAt > this.#clockOf(owner))
      add(1, () => {
        // Somebody may set it back.
        this.#now += !this.#healed && this.#chance(0.1) ? -this.#below(20) : 1 + this.#below(20)
      })
    if (lane.wantsPlace) add(3, () => this.#tell(owner, { kind: 'place' }))
    // A place that was asked for may come when nobody wants it any more.
    else if (!this.#healed && this.#chance(0.02)) add(1, () => this.#tell(owner, { kind: 'place' }))
  }

  #landAppend(owner: Owner): void {
    const [append] = owner.appends
    if (!append) return
    // Of some it is not known whether they were stored, and they are sent again.
    const again = !this.#healed && this.#chance(0.03)
    if (!again) owner.appends.shift()
    else this.#count('append stored twice')
    const position = this.#laneEnd
    this.#laneEnd = offset(position + (this.#chance(0.1) ? 2n : 1n))
    const { record, body } = append
    if (body) this.#checkBody(owner, record.kind === 'park' ? record.origin : undefined, body)
    const whole: LaneRecord =
      record.kind === 'park'
        ? { ...record, event: { key: this.#record(record.origin).key, headers: {}, value: null, time: 0 } }
        : record
    if (record.kind === 'closed' && record.how === 'superseded') this.#count('superseded an entry')
    this.#noteStart(owner, record)
    if (record.kind === 'answer' && record.refused === undefined) this.#checkAnswer(record.id)
    this.#say('LAND', owner.number, Number(position), whole)
    this.#lane.push({ ...(this.stored ? this.#throughStore(whole, position) : whole), position })
    if (!again && !owner.crashed) owner.answers.push({ kind: 'appended', seq: record.seq, position })
  }

  #checkAnswer(id: string): void {
    const { action } = this.#requests.find(request => request.id === id) ?? {}
    const decides = action === 'replay' || action === 'discard' || action === 'restore'
    if (decides && !this.#won.has(id)) this.#broken(`ANSWER: ${id} was not granted`)
  }

  /** Keeps who began an entry and never ended it. */
  #noteStart(owner: Owner, record: Append['record']): void {
    if (!('origin' in record) || record.generation !== this.#generationOf(record.origin)) return
    const begun = this.#begun.get(record.origin) ?? new Set()
    if (record.kind === 'start') this.#begun.set(record.origin, begun.add(record.tenure))
    if (owner.generation !== this.#generation) return // what a former owner says of its end may count for nothing
    if (record.kind === 'attempt') begun.delete(record.tenure)
    if (record.kind === 'park' && record.round > 0 && record.state.deaths === 0) begun.clear()
  }

  /** As it comes back from a real log. */
  #throughStore(record: LaneRecord, position: Offset): LaneRecord {
    const stored: LogRecord = {
      key: undefined,
      ...encodeLaneRecord(record, 0),
      topic: 't.g.retry',
      partition: 0,
      offset: position,
      timestamp: 0,
    }
    return decodeLaneRecord(stored)
  }

  /** Only what has an older one of its key in the lane is parked without having failed. */
  #checkPark(
    owner: Owner,
    { origin, state }: Extract<Append['record'], { kind: 'park' }>,
    body: Body | undefined,
  ): void {
    this.#parked.add(origin)
    if (body?.from !== 'topic' || state.attempts > 0 || state.final !== undefined) return
    if (owner.generation !== this.#generation) return // it may have read of a replay of what it is to deliver yet
    if (owner.range) return // a letter of a newer one may be on its way into the lane
    const { queue } = this.#record(origin)
    this.#count('waited for its key')
    if (
      !this.main.some(
        other => other.queue === queue && other.offset < origin && this.#parked.has(other.offset),
      )
    )
      this.#broken(`WAITED: ${origin} was parked behind nothing`)
  }

  /** Not before the time that its handler wanted, unless somebody hurried it. */
  #checkDue(owner: Owner, { origin, attempts, body }: RunEvent): void {
    if (body.from !== 'lane' || this.#hurried.has(origin)) return
    const wanted = this.#wanted.get(`${owner.generationOf(origin)} ${origin} ${attempts}`)
    if (!wanted) return
    this.#count('was due')
    const now = owner.begun.get(origin) ?? this.#broken(`RAN ${origin} without a start`)
    if (wanted.every(at => at > now))
      this.#broken(`EARLY: ${origin} ran at ${now}, wanted at ${wanted.join()}`)
  }

  /** One after another within a key, unless they share a transaction. */
  #checkRun(owner: Owner, { run, events }: Running): void {
    for (const event of events) {
      const { origin, body } = event
      this.#checkBody(owner, origin, body)
      this.#checkDue(owner, event)
      const { queue } = this.#record(origin)
      const beside = owner.runs.find(
        other => other.run !== run && other.events.some(event => this.#record(event.origin).queue === queue),
      )
      if (beside) this.#broken(`AT ONCE: ${origin} beside another of ${queue}`)
    }
  }

  #record(origin: Offset): Main {
    return this.main.find(record => record.offset === origin) ?? this.#broken(`no record ${origin}`)
  }

  /** The bytes must be where the machine says that they are. A former owner may find them forgotten. */
  #checkBody(owner: Owner, origin: Offset | undefined, body: Body): void {
    if (owner.generation !== this.#generation) return
    switch (body.from) {
      case 'topic':
        if (body.offset !== origin) this.#broken(`BODY of ${origin} is that of ${body.offset}`)
        return
      case 'letter':
        if (!this.#letters.has(body.origin)) this.#broken(`BODY of ${origin}: no letter`)
        return
      case 'lane': {
        const found = this.#lane.find(record => record.position === body.position)
        if (found?.kind !== 'park' || found.origin !== origin)
          this.#broken(`BODY of ${origin} is not at ${body.position}`)
      }
    }
  }

  #landLetter(owner: Owner): void {
    const [written] = owner.letters
    if (!written) return
    const again = !this.#healed && this.#chance(0.03)
    if (!again) owner.letters.shift()
    const { origin, change, death } = written.letter
    this.#say('LETTER', owner.number, written.letter)
    if (written.letter.generation !== this.#generationOf(origin)) {
      this.#count('letter of before')
      if (!again && !owner.crashed) owner.answers.push({ kind: 'written', ref: written.ref })
      return
    }
    if (change.kind === 'died') {
      if (!death) return this.#broken(`LETTER of ${origin} without what it died of`)
      this.#checkBody(owner, origin, death.body)
      this.#count(`died of ${death.state.final}`)
      if (death.state.final === 'process-died' && (this.#begun.get(origin)?.size ?? 0) < MAX_DEATHS)
        this.#broken(`BLAMED ${origin} for deaths of others`)
    }
    const before = this.#letters.get(origin)
    const after = this.#subject.letterAfter(before, change)
    if (after) this.#letters.set(origin, after)
    if (after?.request !== undefined) this.#won.add(after.request)
    if (after?.status === 'replaying' && before?.status !== 'replaying') {
      this.#released.delete(origin)
      this.#letGo.delete(origin)
    }
    if (after?.status === 'died' && before?.status === 'discarded') this.#letGo.add(origin)
    if (!again && !owner.crashed) owner.answers.push({ kind: 'written', ref: written.ref })
  }

  #decideCommit(owner: Owner): void {
    const { commit } = owner
    if (!commit) return
    const { range } = owner
    // First how far the range is, under the lease; then the position with its note.
    const isFenced = range !== undefined && this.#lease !== owner.number
    if (range && !isFenced && commit.of.main > range.position) range.position = commit.of.main
    const accepted = !isFenced && owner.generation === this.#generation
    owner.commit = { ...commit, accepted }
    this.#say('COMMIT', owner.number, commit.of, accepted ? '' : 'refused')
    if (!accepted) return
    const { note } = commit.of
    const main = range ? this.#committed.main : commit.of.main
    if (main < this.#committed.main) this.#broken('COMMIT went back')
    if (range && commit.of.main > range.to) this.#broken('COMMIT beyond the range')
    this.#committed = { main, note: encodeNote(note) }
    const own = note.tenures.at(-1)
    if (own?.released) for (const begun of this.#begun.values()) begun.delete(own.id)
  }

  #answerCommit(owner: Owner, { of, accepted }: NonNullable<Owner['commit']>): void {
    if (accepted && owner.lane?.phase === 'taking-over') {
      const fence = of.note.tenures.at(-1)?.fence ?? this.#laneEnd
      this.#live.push({ number: owner.number, fence })
      this.#count('took over')
    }
    owner.commit = undefined
    this.#tell(owner, { kind: accepted ? 'committed' : 'refused' })
    if (!accepted) owner.over = true
  }

  #answer(owner: Owner): void {
    const [answer] = owner.answers.splice(this.#chance(0.2) ? this.#below(owner.answers.length) : 0, 1)
    if (answer) this.#tell(owner, answer)
  }

  #read(owner: Owner): void {
    const page = this.#lane.filter(record => record.position >= owner.readTo).slice(0, 1 + this.#below(8))
    const last = page.at(-1)
    const next = last ? offset(last.position + 1n) : this.#laneEnd
    owner.readTo = next
    const fence = page.some(one => one.kind === 'fence' && one.tenure === this.#tenureOf(owner.number))
    // What it takes over waits no longer than any handler wants, by its own clock; copies tell the next owner so.
    if (fence) for (const wanted of this.#wanted.values()) wanted.push(this.#clockOf(owner) + MAX_WAIT_MS)
    this.#tell(owner, { kind: 'read', records: page, next })
  }

  #askInbox(owner: Owner, check: Check): void {
    owner.checks = owner.checks.filter(one => one !== check)
    if (this.tx && this.#lease !== owner.number) {
      owner.over = true
      return
    }
    const away = !this.#healed && this.#chance(0.2)
    const applied = away ? undefined : this.tx && this.#inbox.has(this.#proof(check.event.origin))
    this.#tell(owner, { kind: 'checked', ref: check.ref, applied })
  }

  #lookUp(owner: Owner, lookUp: LookUp): void {
    owner.lookUps = owner.lookUps.filter(one => one !== lookUp)
    const isOld = lookUp.generation !== this.#generationOf(lookUp.origin)
    const state = isOld ? undefined : this.#letters.get(lookUp.origin)
    const letter = state && { ...state, key: this.#record(lookUp.origin).key }
    this.#tell(owner, { kind: 'looked-up', ref: lookUp.ref, letter })
  }

  #deliver(owner: Owner): void {
    const record = this.main[owner.next++]
    if (!record) return
    const next = this.main[owner.next]?.offset ?? this.end
    const { to } = owner.range ?? { to: next }
    owner.mark.delivered(record.offset, next < to ? next : to)
    this.#tell(owner, { kind: 'delivered', offset: record.offset, key: record.key })
  }

  #forget(below: Offset): void {
    this.#say('FORGET', Number(below))
    this.#count('forgot')
    this.#laneStart = below
    this.#lane = this.#lane.filter(record => record.position >= below)
  }

  // ---- handlers

  #finish(owner: Owner, run: Running): void {
    owner.runs = owner.runs.filter(one => one !== run)
    const inLane = run.events[0]?.body.from === 'lane'
    if (inLane && run.events.some(event => this.#record(event.origin).deadly)) {
      this.#count('died of an event')
      return this.#crash(owner)
    }
    if (this.tx && this.#lease !== owner.number) {
      owner.over = true // the database says so
      return
    }
    const failed = new Set<string>()
    const alone = run.events.length > 1 && this.#chance(0.25)
    const results = run.events.map(event => {
      const { queue } = this.#record(event.origin)
      if (alone || failed.has(queue)) return { kind: 'again', alone } as const
      const result = this.#result(owner, event)
      if (result.kind !== 'done' && result.kind !== 'skip') failed.add(queue)
      else this.#effect(owner, event, result.kind)
      return result
    })
    this.#tell(owner, { kind: 'ran', run: run.run, results })
  }

  #result(owner: Owner, event: RunEvent): RunResult {
    const { offset, bad, unwanted } = this.#record(event.origin)
    if (this.tx && this.#inbox.has(this.#proof(offset))) return { kind: 'done' }
    if (!this.#healed && this.#chance(owner.leaving ? 0.5 : 0.04)) return { kind: 'again', alone: false }
    if (unwanted) return { kind: 'skip' }
    if (bad && !this.#mended) return { kind: 'dead', reason: 'data', failure, tried: true }
    if (!this.#healed && this.#chance(this.failing)) {
      if (event.attempts + 1 >= MAX_ATTEMPTS)
        return { kind: 'dead', reason: 'attempts', failure, tried: true }
      const dueAt = this.#clockOf(owner) + this.#below(MAX_WAIT_MS)
      const name = `${owner.generationOf(offset)} ${offset} ${event.attempts + 1}`
      this.#wanted.set(name, [...(this.#wanted.get(name) ?? []), dueAt])
      return { kind: 'retry', dueAt, failure }
    }
    return { kind: 'done' }
  }

  #effect(owner: Owner, event: RunEvent, kind: 'done' | 'skip'): void {
    const { offset: at, queue } = this.#record(event.origin)
    if (kind === 'skip') {
      this.#skipped.add(at)
      return
    }
    if (this.tx) {
      if (this.#inbox.has(this.#proof(at))) return
      this.#inbox.add(this.#proof(at))
    }
    const late = owner.generation !== this.#generation
    const round = this.#letters.get(at)?.round ?? 0
    this.#say('EFFECT', Number(at), queue, 'by', owner.number, 'round', round, late ? 'late' : '')
    if (this.hold && (this.tx || !late)) this.#checkHeld(at, queue)
    this.#done.push({ offset: at, queue, round, owner: owner.number, late, at: this.#laneEnd })
    if (this.tx) this.#checkOrder(queue)
  }

  /** The row of the inbox. Whoever has the lease knows all ranges. */
  #proof(at: Offset): string {
    return `${this.#generationOf(at)} ${at}`
  }

  #checkHeld(at: Offset, queue: string): void {
    for (const before of this.main) {
      if (before.queue !== queue || before.offset >= at) continue
      const letter = this.#letters.get(before.offset)
      if (
        letter?.status === 'died' &&
        !this.#wished(before.offset, letter) &&
        !this.#letGo.has(before.offset)
      )
        this.#broken(`HOLD: ${at} applied while ${before.offset} is held`)
    }
  }

  #wished(origin: Offset, letter: LetterState): boolean {
    return this.#requests.some(
      one => one.action === 'release' && one.origin === origin && one.letterVersion === letter.version,
    )
  }

  #checkOrder(queue: string): void {
    if (this.hold && this.#done.some(one => one.round > 0 && this.#everReleased.has(one.offset))) return
    const order = this.#done
      .slice(this.#inOrderFrom)
      .filter(one => one.queue === queue && (this.hold || one.round === 0))
      .map(one => one.offset)
    if (order.some((at, i) => at < (order[i - 1] ?? 0n))) this.#broken(`ORDER of ${queue}: ${order.join()}`)
  }

  // ---- operators

  #operator(): void {
    const died = [...this.#letters].filter(([, letter]) => letter.status === 'died')
    const discarded = [...this.#letters].filter(([, letter]) => letter.status === 'discarded')
    if (discarded.length > 0 && this.#chance(0.2)) {
      const [origin, letter] = this.#pick(discarded)
      this.#ask('restore', origin, letter.version)
      return
    }
    if (died.length === 0 && this.#chance(0.7)) return
    if (died.length === 0 || this.#chance(0.1)) {
      const { offset } = this.#pick(this.main)
      this.#ask(this.#pick(['cancel', 'run-now']), offset, 0)
      return
    }
    const [origin, letter] = this.#pick(died)
    if (this.#chance(0.1)) {
      this.#edit(origin, letter)
      return
    }
    this.#ask(this.#letterAction(), origin, letter.version)
  }

  /** Not through the lane: an operator's own append, on the version that was seen. */
  #edit(origin: Offset, letter: LetterState): void {
    if (this.#wished(origin, letter)) this.#letGo.add(origin)
    const after = this.#subject.letterAfter(letter, { kind: 'edited', version: letter.version })
    if (after) this.#letters.set(origin, after)
    this.#count('edit')
    this.#say('EDIT', Number(origin), after)
  }

  #letterAction(): Request['action'] {
    const actions = this.hold ? (['replay', 'release', 'discard'] as const) : (['replay', 'discard'] as const)
    return this.#chance(0.7) ? 'replay' : this.#pick(actions)
  }

  /** Often twice: with the same id, as when an append is sent again, or with another, as from a second click. */
  #ask(action: Request['action'], origin: Offset, letterVersion: number): void {
    const before = this.#requests.find(
      one => one.action === action && one.origin === origin && one.letterVersion === letterVersion,
    )
    const id = before && this.#chance(0.3) ? before.id : `q${this.#requestNumber++}`
    const twice = this.#chance(0.3)
    const ids = twice ? [id, this.#chance(0.5) ? id : `q${this.#requestNumber++}`] : [id]
    for (const [i, one] of ids.entries()) {
      const position = this.#laneEnd
      const request: Request = {
        kind: 'request',
        id: one,
        // Two people may want different things.
        action: i > 0 && one !== id && letterVersion > 0 ? this.#letterAction() : action,
        generation: this.#generationOf(origin),
        origin,
        letterVersion,
        by: 'me',
        reason: 'test',
      }
      this.#laneEnd = offset(position + 1n)
      this.#lane.push({ ...request, position })
      this.#requests.push({ ...request, position })
      if (request.action === 'release' || request.action === 'restore') this.#everReleased.add(origin)
      if (request.action === 'run-now') this.#hurried.add(origin)
      this.#count(request.action)
      this.#say('OPERATOR', Number(position), request)
    }
  }

  /** At the end somebody decides about every held key. */
  #releaseOne(): boolean {
    const lane = this.#owners.at(-1)?.lane
    const [held] = [...this.#letters]
      .filter(([, letter]) => letter.status === 'died')
      .filter(([origin, letter]) => !this.#released.has(origin) && letter.status === 'died')
    if (!held || !lane || lane.open === 0) return false
    this.#released.add(held[0])
    this.#ask('release', held[0], held[1].version)
    return true
  }

  // ---- the verdict

  #judge(): void {
    const last = this.#owners.at(-1)
    if (this.#wish || this.#ranges.some(range => !range.isOver)) this.#broken('STUCK: a range never ends')
    for (const { offset: at } of this.main) {
      if (this.#ranges.findLast(one => at >= one.from && at < one.to && at >= one.position)) continue
      const done = this.#done.some(one => one.offset === at)
      const counted = this.#done.some(one => one.offset === at && (this.tx || !one.late))
      const letter = this.#letters.get(at)
      if (!done && !letter && !this.#skipped.has(at)) this.#broken(`LOST ${at}`)
      if (letter?.status === 'replaying') this.#broken(`STUCK: letter ${at} is replaying for ever`)
      if (letter?.status === 'resolved' && !done && !this.#skipped.has(at))
        this.#broken(`LOST ${at}: its letter is resolved`)
      if (this.tx && counted && (letter?.status === 'died' || letter?.status === 'discarded'))
        this.#broken(`DEAD AND DONE ${at}`)
      if (this.#done.filter(one => one.offset === at).length > 1 && this.tx) this.#broken(`DOUBLE ${at}`)
    }
    if (this.#committed.main !== this.end)
      this.#broken(`STUCK: topic at ${this.#committed.main} of ${this.end}`)
    if (!last?.lane || last.lane.phase !== 'live') return this.#broken('STUCK: no owner')
    if (last.lane.open > 0) this.#broken(`STUCK: ${last.lane.open} entries never end`)
    if (last.lane.forgettable !== this.#laneEnd)
      this.#broken(`STUCK: lane at ${last.lane.forgettable} of ${this.#laneEnd}`)
    for (const { action, origin, letterVersion, generation } of this.#requests) {
      if (generation !== this.#generationOf(origin)) continue
      const letter = this.#letters.get(origin)
      if (action === 'replay' && !this.hold && letter?.status === 'died' && letter.version === letterVersion)
        this.#broken(`REQUEST LOST for ${origin}`)
    }
    if (!this.tx) this.#judgeLastRuns()
  }

  /** Without transactions events may run again; but the last runs stand in order, a former owner's late ones apart. */
  #judgeLastRuns(): void {
    for (const queue of new Set(this.main.map(record => record.queue))) {
      const runs = this.#done
        .filter(one => one.queue === queue && one.round === 0 && !this.#letters.has(one.offset))
        .filter(one => !this.#live.some(live => live.number > one.owner && live.fence < one.at))
        .map(one => one.offset)
      const last = runs.filter((at, i) => runs.lastIndexOf(at) === i)
      if (last.some((at, i) => at < (last[i - 1] ?? 0n)))
        this.#broken(`ORDER of the last runs of ${queue}: ${runs.join()}`)
    }
  }
}

function generationAt(ranges: readonly Range[], at: Offset): number {
  return ranges.findLast(({ from, to }) => at >= from && at < to)?.generation ?? 0
}

const failure = { name: 'Error', code: undefined, message: 'no', stack: undefined, at: 0 }
