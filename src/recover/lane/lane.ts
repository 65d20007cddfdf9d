import { HoldfastError, type Offset } from '../../event/index.ts'
import { EntryBook } from './entry-book.ts'
import { EntryLife } from './entry-life.ts'
import { Fold } from './fold.ts'
import { queueName, type KeyQueue } from './key-queue.ts'
import type { Effect, Input, PlacedRecord, RunResult } from './lane-io.ts'
import type { LaneParts, RetryLaneOptions, Run } from './lane-parts.ts'
import { Outbox } from './outbox.ts'
import { Ownership } from './ownership.ts'
import { Requests } from './requests.ts'
import { TenantShares } from './tenant-shares.ts'
import { noteWithout } from './tenure.ts'
import { TopicRecords } from './topic-records.ts'

/**
 * One partition of a group with its retry lane, as a state machine: what happened goes in, what is to be done comes
 * out. It decides about every record of the topic and every entry of the lane, and does nothing itself.
 *
 * A record belongs to the topic until a commit above it is accepted, and to the lane afterwards.
 *
 *   topic ── delivered ──▶ runs ── done ───────────────────────────────▶ settled
 *                 │          └── failed ──▶ park ─┐
 *                 └── its key has entries ──▶ park ┴▶ settled, and an entry of the lane:
 *
 *   waiting ── head of its key, past the gate, due ──▶ start ──▶ runs ── done ──▶ closed
 *      ▲                                                          ├── failed ──▶ attempt ──▶ waiting
 *      │                                                          └── for good ─▶ attempt(final) ─▶ barrier ─┐
 *      └──────────────────────────────────────────────────────────────────────────────────────────────────────┘
 *   waiting, final ── head of its key, past the gate ──▶ letter ──▶ closed, or held until a request frees its key
 *
 * The closing mark is always the last: what is open in the lane is the list of what is still to do, and everything
 * before the mark may be done twice. A takeover reads the lane (`fold.ts`), stores that it counts from now on (its first
 * commit), and goes on from what is open; nothing else is remembered.
 */
export interface RetryLane {
  handle(input: Input, now: number): readonly Effect[]
  /** `live`: it takes records of the topic, from the committed position on. `over`: nothing more comes out of it. */
  readonly phase: 'taking-over' | 'live' | 'over'
  /** So many entries are open that no more records of the topic should come. */
  readonly full: boolean
  /** Open entries. */
  readonly open: number
  /** Records of the lane that it took as they stand when it took over, because the position had no note. */
  readonly believed: number
  /** Records of the topic that wait for a batch. */
  readonly gathered: number
  /** An entry would begin to run if there were a place for it. */
  readonly wantsPlace: boolean
  /** A process has died while that entry ran, so no other such entry should run beside it. */
  readonly wantsAlone: boolean
  /** Everything of the topic below it that was delivered or parked has its outcome; undefined when none is parked. */
  readonly parkedFrom: Offset | undefined
  /**
   * Whether nothing at all of an event's key is open, runs or waits. If such a record of the topic is done at once, the
   * machine need not hear of it.
   */
  knowsNothingOf(offset: Offset, key: string | undefined): boolean
  /** An event of this tenant came. To be told of each, also of those that it hears nothing else of. */
  met(tenant: string | undefined): void
  /** Events of more than one tenant have come. */
  readonly isShared: boolean
  /** Whether a tenant holds so much of the lane that what fails of it now has to be given up. */
  crowds(tenant: string | undefined): boolean
  /** Whether an event is parked. */
  holds(origin: Offset): boolean
  /** When to tick, if nothing else happens before: milliseconds since 1970. */
  readonly dueAt: number | undefined
  /** Whether a commit would change anything; `soon` when something waits for it. */
  readonly commitDue: 'no' | 'yes' | 'soon'
  /** Records of the lane below it are not needed any more: an accepted commit says so. */
  readonly forgettable: Offset
}

export function retryLane(options: RetryLaneOptions): RetryLane {
  return new Lane(options)
}

class Lane implements RetryLane {
  phase: RetryLane['phase'] = 'taking-over'
  believed = 0
  readonly #o: RetryLaneOptions
  readonly #out: Outbox
  readonly #own: Ownership
  readonly #fold: Fold
  readonly #book: EntryBook
  readonly #shares: TenantShares
  readonly #entries: EntryLife
  readonly #records: TopicRecords
  readonly #requests: Requests
  readonly #runs = new Map<number, Run>()
  #runNumber = 0
  #now = 0
  #stopping = false
  #released = false
  #fenced = false
  /** While a range is run again: entries of before, which may wait for it, and so must not hold it up. */
  #beside = 0

  constructor(options: RetryLaneOptions) {
    const { laneStart, committed, topic, group } = options
    const { lane, tenures } = options.note ?? noteWithout(laneStart, committed)
    if (laneStart > lane) {
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `the retry lane of ${group} on ${topic} begins at ${laneStart}, but only what lies below ${lane} is done`,
      })
    }
    this.#o = options
    this.#out = new Outbox(options.tenure, lane)
    this.#own = new Ownership(options.from ?? committed, lane, tenures)
    this.#fold = new Fold(tenures)
    this.#shares = new TenantShares(options.settings.maxParked)
    this.#book = new EntryBook(this.#shares)
    const parts = this.#parts()
    this.#entries = new EntryLife(parts)
    this.#records = new TopicRecords(parts)
    this.#requests = new Requests(parts, this.#entries)
    this.#out.append({ kind: 'fence', topic, group }, () => {}) // it counts from where it is read
  }

  get open(): number {
    return this.#book.size
  }

  get gathered(): number {
    return this.#records.gathered
  }

  get wantsPlace(): boolean {
    return this.phase === 'live' && !this.#stopping && this.#entries.wantsPlace
  }

  get wantsAlone(): boolean {
    return this.#entries.wantsAlone
  }

  get parkedFrom(): Offset | undefined {
    return this.#book.firstOrigin
  }

  knowsNothingOf(offset: Offset, key: string | undefined): boolean {
    return !this.#book.hasQueue(queueName(this.#o.settings.order, key, offset))
  }

  met(tenant: string | undefined): void {
    this.#shares.met(tenant)
  }

  get isShared(): boolean {
    return this.#shares.isShared
  }

  crowds(tenant: string | undefined): boolean {
    return this.#shares.crowds(tenant)
  }

  holds(origin: Offset): boolean {
    return this.#book.of(origin)?.generation === this.#o.generationOf(origin)
  }

  get full(): boolean {
    return this.#book.size + this.#records.parking >= this.#o.settings.maxParked + this.#beside
  }

  get forgettable(): Offset {
    return this.#own.lane
  }

  get dueAt(): number | undefined {
    const entry = this.#entries.dueAt
    const batch = this.#records.dueAt
    return entry === undefined || (batch !== undefined && batch < entry) ? batch : entry
  }

  get commitDue(): 'no' | 'yes' | 'soon' {
    const { main, lane, committing, barrierWanted } = this.#own
    if (this.phase !== 'live' || committing) return 'no'
    const { commitable } = this.#o.watermark
    const { gate } = this.#entries
    if (barrierWanted || (gate !== undefined && gate < commitable)) return 'soon'
    return commitable > main || this.#laneMark > lane ? 'yes' : 'no'
  }

  handle(input: Input, now: number): readonly Effect[] {
    if (this.phase === 'over') return []
    this.#now = now
    this.#take(input)
    // A record that came changes nothing for entries and requests, and there are many of them.
    if (input.kind === 'delivered' && !this.#stopping) this.#records.startBatch()
    else if (this.phase === 'live') this.#goOn()
    return this.#out.take()
  }

  #take(input: Input): void {
    switch (input.kind) {
      case 'read':
        for (const record of input.records) this.#read(record)
        this.#out.readTo = input.next
        return
      case 'appended':
        return this.#out.appended(input.seq, input.position)
      case 'written':
        return this.#out.written(input.ref)
      case 'checked':
        return this.#out.checked(input.ref, input.applied)
      case 'looked-up':
        return this.#out.lookedUp(input.ref, input.letter)
      case 'delivered':
        return this.#records.delivered(input)
      case 'ran':
        return this.#ran(input.run, input.results)
      case 'commit-due':
        if (this.commitDue !== 'no') this.#commit()
        return
      case 'committed':
        return this.#committed()
      case 'refused':
        this.phase = 'over'
        return
      case 'place':
        if (this.phase === 'live' && !this.#stopping) this.#entries.begin()
        return
      case 'stop':
        this.#stopping = true
        return
      case 'tick':
        return
    }
  }

  /** What time and room allow now. */
  #goOn(): void {
    if (this.#stopping) return this.#letGo()
    this.#requests.begin()
    this.#entries.goOn()
    this.#records.startBatch()
  }

  #ran(number: number, results: readonly RunResult[]): void {
    const run = this.#runs.get(number)
    const events = run?.kind === 'topic' ? run.rows.length : run?.entries.length
    if (!run || results.length !== events) {
      throw new HoldfastError('INTERNAL', { detail: `run ${number} ended with ${results.length} results` })
    }
    this.#runs.delete(number)
    if (run.kind === 'topic') this.#records.ran(run.rows, run.batch, results)
    else this.#entries.ran(run.entries, results)
  }

  // ---- taking over

  #read(record: PlacedRecord): void {
    if (this.#fenced) {
      // Behind the own fence the answers to our appends say everything, and nobody else's records count.
      if (record.kind === 'request') this.#requests.add(record)
      return
    }
    if (record.kind !== 'fence' || record.tenure !== this.#o.tenure) {
      this.#fold.add(record)
      if (this.#o.note === undefined && record.kind !== 'fence') this.believed += 1
      return
    }
    this.#fenced = true
    const { main, lane } = this.#own
    const { committed } = this.#o
    const { entries, requests } = this.#fold.end(committed)
    if (this.#o.from !== undefined) this.#beside = entries.length
    for (const entry of entries) this.#entries.restore(entry)
    for (const request of requests) this.#requests.add(request)
    this.#own.fenced({ id: this.#o.tenure, fence: record.position, main: committed, released: false })
    // Until it is accepted nothing of this is acted on: a newer owner may have read the same.
    this.#out.push(this.#own.commit(main, lane))
  }

  // ---- commits

  get #laneMark(): Offset {
    // Whatever is open, unanswered or on its way must be there for the next fold.
    const { readTo, oldestSentAt } = this.#out
    let mark = readTo
    for (const bound of [oldestSentAt, this.#book.lowest, this.#requests.lowest])
      if (bound !== undefined && bound < mark) mark = bound
    return mark
  }

  #commit(): void {
    this.#out.push(this.#own.commit(this.#o.watermark.commitable, this.#laneMark))
  }

  #committed(): void {
    const frees = this.#own.committed()
    if (this.phase === 'taking-over') {
      this.phase = 'live'
      this.#entries.supersede()
      for (const queue of this.#book.queues) this.#step(queue)
    }
    for (const free of frees) free()
    this.#entries.openGate()
  }

  /** Once nothing is under way, a last commit tells the successor that whatever began has ended. */
  #letGo(): void {
    if (this.#runs.size > 0 || !this.#out.idle || this.#own.committing) return
    if (this.#released) {
      this.phase = 'over'
      return
    }
    this.#released = true
    this.#own.release()
    this.#commit()
  }

  // ---- what the halves share

  #step(queue: KeyQueue): void {
    this.#entries.step(queue)
    this.#records.step(queue)
    this.#book.forget(queue)
  }

  #parts(): LaneParts {
    const now = (): number => this.#now
    const stopping = (): boolean => this.#stopping
    return {
      settings: this.#o.settings,
      generationOf: origin => this.#o.generationOf(origin),
      out: this.#out,
      own: this.#own,
      book: this.#book,
      shares: this.#shares,
      get now() {
        return now()
      },
      get stopping() {
        return stopping()
      },
      run: (run, events) => {
        const number = this.#runNumber++
        this.#runs.set(number, run)
        this.#out.push({ kind: 'run', run: number, events })
      },
      settled: offset => this.#o.watermark.completed(offset),
      step: queue => this.#step(queue),
      rested: origin => this.#requests.rested(origin),
      asked: origin => this.#requests.works(origin),
    }
  }
}
