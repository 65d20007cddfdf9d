import {
  HoldfastError,
  partitionId,
  sleep,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { OwnedPartition } from '../log/index.ts'
import { failureText } from '../recover/index.ts'
import {
  decodeNote,
  laneLetters,
  laneTopicOf,
  newTenureId,
  retryLane,
  type Effect,
  type Input,
  type LaneNote,
  type RetryLane,
} from '../recover/lane/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import { EntryPlaces } from './entry-places.ts'
import { EventBytes } from './event-bytes.ts'
import type { Generations } from './generations.ts'
import type { GroupContext, Task } from './group-context.ts'
import { LaneAppends } from './lane-appends.ts'
import { LaneClock } from './lane-clock.ts'
import { LaneErrands, type Errand } from './lane-errands.ts'
import { LaneTrim } from './lane-trim.ts'
import { Persistence } from './persistence.ts'
import { readLane } from './read-lane.ts'
import { Runs } from './runs.ts'
import { laneSettings } from './settings.ts'
import type { Outcome } from './supervised.ts'
import { TopicIntake } from './topic-intake.ts'
import { UnderWay } from './under-way.ts'
import { watermark, type Delivery, type Watermark } from './watermark.ts'

/**
 * One partition of a group, one owner, one epoch. It runs the machine of the partition with its retry lane: it reads the
 * topic and the lane, appends, commits and calls handlers as it is told, and tells it what came of that. What follows
 * from anything is the machine's to decide.
 *
 *   topic ──read──▶ ┌─────────┐ ──append──▶ lane ──read──▶ ┐
 *   lane  ──read──▶ │ machine │ ──letter──▶ dead letters   │ … and back in, one after another
 *   time  ────────▶ └─────────┘ ──run─────▶ handlers ──────┘
 *
 * An event leaves only with a durable outcome: done, skipped, or parked in the lane. Whatever else happens (abort, fence,
 * crash), its offset stays unfinished, the commit stays below it, and it is delivered again.
 */
export interface PartitionOwner {
  readonly owned: OwnedPartition
  /** `live`: it takes events in. `over`: it has let go. */
  readonly phase: RetryLane['phase']
  /** Open entries of the lane. */
  readonly parked: number
  /** Everything below has its durable outcome in the topic or in the lane. */
  readonly commitable: Offset
  /** Events taken from the topic and not yet done. */
  readonly inFlight: number
  /** Append time of the oldest of them. */
  readonly oldestTime: number | undefined
  /** Why it takes nothing in, and never will by itself. Undefined while it does. */
  readonly stopped: string | undefined
  /** Why it takes nothing in for now. */
  readonly paused: string | undefined
  /** Set when retention overtook the group: where the log begins now. */
  readonly lostUpTo: Offset | undefined
  /** Whether an event is open in the lane. Known once it is live. */
  holds(origin: Offset): boolean
  /** Whether an event was taken from the topic and is not settled yet: its handler runs, or waits for its key or a place. */
  works(origin: Offset): boolean
  /** A good time for a commit, if it has one to make. */
  commit(): void
  /** Lets what runs come to its end for at most `drainMs`, then cuts it off, commits, and lets go. */
  stop(drainMs: number): Promise<void>
  /** Drops everything: another owns it, or is about to. */
  abandon(): Promise<void>
}

export interface PartitionOwnerOptions {
  readonly context: GroupContext
  readonly topic: AnyTopic
  readonly owned: OwnedPartition
  /** The committed position with its note, read after the partition was owned. */
  readonly committed: { readonly offset: Offset; readonly note: string | undefined }
  /** First kept offset of the lane. */
  readonly laneStart: Offset
  /** With an open range it runs that again, and nothing newer: what it stores as the position is how far it is there. */
  readonly generations: Generations
  /** Events that are taken in a second at most; undefined: as they come. */
  readonly perSecond: number | undefined
  /** It has taken over, and begins to take events in. Told once, and not before the owner is returned. */
  live?(): void
  /** An event of the topic was taken in. */
  taken?(record: LogRecord): void
  /** It has something to commit: at once, or at the usual pace. */
  commitDue(when: 'yes' | 'soon'): void
  /** Stores position and note under the epoch; false when another member owns the partition. */
  store(position: Offset, note: string): Promise<boolean>
  /** The database says that another worker owns the partition. Told once; nothing is taken in any more. */
  fenced(): void
  /** Something is not as it must be, and it is over: a former owner may stumble over that as well as the present one. */
  failed(error: unknown): void
}

/** After handlers were cut off, for their marks and the last commit. */
const LET_GO_MS = 1_000
const APPEND_TROUBLE = 'an append to the retry lane failed: the partition waits'

/** Throws `LOG_CORRUPT` or `LOG_VERSION` for a note or a lane that cannot be gone on from. */
export function partitionOwner(options: PartitionOwnerOptions): PartitionOwner {
  return new Owner(options)
}

interface Open {
  readonly record: LogRecord
  readonly task: Task
  readonly delivery: Delivery
}

class Owner implements PartitionOwner {
  readonly owned: OwnedPartition
  stopped: string | undefined
  readonly #o: PartitionOwnerOptions
  readonly #c: GroupContext
  /** Where it delivers from. */
  readonly #from: Offset
  readonly #mark: Watermark
  readonly #machine: RetryLane
  readonly #errands: LaneErrands
  readonly #appends: LaneAppends
  readonly #trim: LaneTrim
  readonly #intake: TopicIntake
  readonly #runs: Runs
  /** Events of the topic that are not settled. */
  readonly #open = new Map<Offset, Open>()
  readonly #underWay = new UnderWay(error => this.#fail(error))
  /** Aborted first: nothing new begins. */
  readonly #intakeAbort = new AbortController()
  /** What runs is cut off. */
  readonly #workAbort = new AbortController()
  /** Aborted last: it is over. */
  readonly #lifeAbort = new AbortController()
  readonly #over = Promise.withResolvers<void>()
  /** Told to the machine one after another: the effects of one are done before it hears of the next. */
  readonly #inputs: Input[] = []
  #telling = false
  #isLive = false
  /** Runs already when the machine hears of it, and is its next run. */
  #begun: Promise<Outcome> | undefined
  readonly #places = new EntryPlaces()
  /** When the page began that is being taken in: to the machine all its events come at once. */
  #pageTime: number | undefined
  #asked: RetryLane['commitDue'] = 'no'
  readonly #clock: LaneClock

  constructor(options: PartitionOwnerOptions) {
    const { owned, committed, context, generations } = options
    this.#o = options
    this.#c = context
    this.owned = owned
    this.#from = generations.open?.position ?? committed.offset
    this.#mark = watermark(this.#from)
    this.#clock = new LaneClock(context.clock, () => this.#tell({ kind: 'tick' }))
    const where = `${context.settings.group} on ${partitionId(owned)}`
    const note = committed.note === undefined ? undefined : decodeNote(committed.note, where)
    this.#machine = this.#makeMachine(note)

    const { log, clock, settings, logger } = context
    const { topic, partition } = owned
    const origin: TopicPartition = { topic, partition }
    const lane: TopicPartition = { topic: laneTopicOf(topic, settings.group), partition }
    const signal = this.#lifeAbort.signal
    const persistence = new Persistence(context, origin, signal)
    const letters = laneLetters({ log, origin, group: settings.group, clock, signal })
    const bytes = new EventBytes({ log, origin, lane, letters, open: this.#open, signal })
    this.#errands = new LaneErrands({
      context,
      topic: options.topic,
      generations,
      bytes,
      letters,
      persistence,
      work: this.#workAbort.signal,
      store: (position, text) => options.store(position, text),
      fenced: () => this.#fenced(),
      halted: reason => this.#halt(reason),
    })
    this.#appends = new LaneAppends({
      log,
      ...lane,
      signal,
      bytes: (offset, body) => bytes.of(offset, body),
      appended: (seq, at) => {
        persistence.worked(APPEND_TROUBLE)
        this.#tell({ kind: 'appended', seq, position: at })
      },
      failed: error => persistence.failed(APPEND_TROUBLE, error),
    })
    this.#trim = new LaneTrim({ log, lane, clock, logger })
    this.#intake = new TopicIntake({
      context,
      topic: options.topic,
      partition: origin,
      mark: this.#mark,
      end: generations.open?.to,
      perSecond: options.perSecond,
      signal: this.#intakeAbort.signal,
      isFull: () => this.#isFull(),
      skipped: record => {
        options.taken?.(record)
        this.#runs.skipped(record)
      },
      take: (task, delivery) => this.#take(task, delivery),
      paged: () => {
        this.#pageTime = undefined
        this.#lookAround()
      },
      halted: reason => this.#halt(reason),
    })
    this.#runs = new Runs({
      context,
      generations,
      underWay: this.#underWay,
      intake: this.#intakeAbort.signal,
      work: this.#workAbort.signal,
      now: () => this.#clock.now(),
      appliedBelow: generation => this.#appliedBelow(generation),
      load: event => this.#errands.load(event),
      ended: (run, results) => this.#tell({ kind: 'ran', run, results }),
      began: () => this.#intake.makeRoom(),
      isShared: () => this.#machine.isShared,
      crowds: tenant => this.#machine.crowds(tenant),
      wantsAlone: () => this.#machine.wantsAlone,
      place: place => this.#places.offer(place, () => this.#tell({ kind: 'place' })),
      fenced: () => this.#fenced(),
      stuck: (offset, error) => this.#errands.stuck(offset, error),
    })
    this.#tell({ kind: 'tick' })
    const from = note?.lane ?? options.laneStart
    const read = (page: Extract<Input, { kind: 'read' }>): void => this.#tell(page)
    this.#underWay.track(readLane({ log, lane, from, persistence, signal, read }))
  }

  #makeMachine(note: LaneNote | undefined): RetryLane {
    const { settings, random } = this.#c
    const { committed, generations } = this.#o
    const mark = this.#mark
    return retryLane({
      topic: this.owned.topic,
      group: settings.group,
      generationOf: generations.of,
      tenure: newTenureId(random),
      committed: committed.offset,
      from: generations.open?.position,
      note,
      laneStart: this.#o.laneStart,
      watermark: {
        completed: offset => this.#completed(offset),
        get commitable() {
          return mark.commitable
        },
      },
      settings: laneSettings(settings),
    })
  }

  get phase(): RetryLane['phase'] {
    return this.#machine.phase
  }

  get parked(): number {
    return this.#machine.open
  }

  holds(origin: Offset): boolean {
    return this.#machine.holds(origin)
  }

  works(origin: Offset): boolean {
    return this.#open.has(origin)
  }

  get commitable(): Offset {
    return this.#mark.commitable
  }

  get inFlight(): number {
    return this.#mark.unfinished
  }

  get oldestTime(): number | undefined {
    return this.#mark.oldestTime
  }

  get lostUpTo(): Offset | undefined {
    return this.#intake.lostUpTo
  }

  get paused(): string | undefined {
    if (this.phase === 'taking-over') return 'it is being taken over'
    const { maxParked } = this.#c.settings
    return this.#machine.full
      ? `${this.parked} of its events wait for a retry (maxParked is ${maxParked})`
      : undefined
  }

  commit(): void {
    this.#asked = 'no'
    this.#tell({ kind: 'commit-due' })
  }

  // ---- the end

  async stop(drainMs: number): Promise<void> {
    this.#intakeAbort.abort()
    this.#intake.makeRoom()
    this.#tell({ kind: 'stop' })
    this.#runs.giveBack()
    const timer = new AbortController()
    const atMost = (ms: number): Promise<void> =>
      Promise.race([this.#over.promise, sleep(this.#c.clock, ms, timer.signal)])
    // Not taken over yet: there is nothing to let go of.
    if (this.phase === 'live') await atMost(drainMs)
    this.#workAbort.abort()
    if (this.phase === 'live') await atMost(LET_GO_MS)
    timer.abort()
    await this.abandon()
  }

  async abandon(): Promise<void> {
    this.#end()
    // An attempt ends at the abort: `.on` handlers are left behind, transactions are rolled back.
    await this.#underWay.none()
  }

  #end(): void {
    for (const abort of [this.#intakeAbort, this.#workAbort, this.#lifeAbort]) abort.abort()
    this.#intake.makeRoom()
    this.#clock.stop()
    this.#places.giveBack()
    this.#over.resolve()
  }

  /** Takes in no more, for good. What it has goes on. */
  #halt(reason: string): void {
    if (this.stopped !== undefined) return
    this.stopped = reason
    const { group } = this.#c.settings
    this.#intake.stop()
    this.#c.logger.error(this.#facts(), `${partitionId(this.owned)} of ${group} is stopped: ${reason}`)
  }

  #fenced(): void {
    if (this.stopped !== undefined) return
    this.stopped = 'another worker owns the lease in the database'
    this.#intakeAbort.abort()
    this.#o.fenced()
  }

  #fail(error: unknown): void {
    if (this.#lifeAbort.signal.aborted) return
    this.stopped ??= failureText(error)
    this.#end()
    this.#o.failed(error)
  }

  // ---- the machine

  #tell(input: Input): void {
    if (this.#lifeAbort.signal.aborted) return
    this.#inputs.push(input)
    if (this.#telling) return
    this.#drain(this.#clock.now())
    this.#lookAround()
  }

  #drain(now: number): void {
    this.#telling = true
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift())
        for (const effect of this.#machine.handle(next, now)) this.#do(effect)
    } catch (error) {
      this.#fail(error)
    }
    this.#telling = false
  }

  /** What the machine would like next. */
  #lookAround(): void {
    const machine = this.#machine
    if (machine.phase === 'over') return this.#end()
    if (machine.phase === 'live' && !this.#isLive) {
      this.#isLive = true
      if (machine.believed > 0) this.#tellOfLostNote()
      this.#o.live?.()
      this.#underWay.track(this.#intake.read(this.#from))
    }
    if (machine.wantsPlace && this.stopped === undefined) this.#runs.askForEntry()
    const trimmed = machine.phase === 'live' ? this.#trim.below(machine.forgettable) : undefined
    if (trimmed) this.#underWay.track(trimmed)
    this.#clock.set(machine.dueAt)
    this.#askForCommit()
    this.#intake.makeRoom()
  }

  #tellOfLostNote(): void {
    const { group } = this.#c.settings
    this.#c.logger.warn(
      { ...this.#facts(), position: String(this.#from), parked: this.parked },
      `the position of ${group} in ${partitionId(this.owned)} has no note: not holdfast has set it. What waits in the retry lane below it stays there, ${this.parked} events, and may run once more; what waited above comes from the topic again`,
    )
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case 'run':
        return this.#run(effect)
      case 'append':
        if (effect.record.kind === 'start') this.#places.started()
        this.#appends.push(effect)
        return this.#underWay.track(this.#appends.work())
      default:
        return this.#underWay.track(this.#see(effect))
    }
  }

  async #see(errand: Errand): Promise<void> {
    const answer = await this.#errands.run(errand)
    if (answer) this.#tell(answer)
  }

  // ---- events

  #take(task: Task, delivery: Delivery): void {
    const { record } = task
    const { offset, key } = record
    const tenant = record.headers['ce_tenant']
    this.#o.taken?.(record)
    this.#machine.met(tenant)
    const mayBegin = !this.#c.settings.batch && this.#machine.knowsNothingOf(offset, key)
    const begun = mayBegin ? this.#runs.tryNow(task) : undefined
    if (begun === 'done') {
      // Nothing of its key was open before and nothing is now: the machine has missed nothing.
      this.#mark.completed(delivery)
      return this.#intake.settled(record)
    }
    this.#open.set(offset, { record, task, delivery })
    this.#begun = begun
    this.#inputs.push({ kind: 'delivered', offset, key, tenant })
    this.#pageTime ??= this.#clock.now()
    this.#drain(this.#pageTime) // one event of a page is not worth a look around
  }

  #completed(offset: Offset): void {
    const open = this.#open.get(offset)
    if (!open) throw new HoldfastError('INTERNAL', { detail: `record ${offset} was settled twice` })
    this.#open.delete(offset)
    this.#mark.completed(open.delivery)
    this.#intake.settled(open.record)
  }

  #isFull(): boolean {
    const { batch } = this.#c.settings
    return this.#runs.hasEnough || this.#machine.gathered >= (batch?.max ?? Infinity) || this.#machine.full
  }

  #run({ run, events }: Extract<Effect, { kind: 'run' }>): void {
    const [first] = events
    if (first?.body.from === 'lane')
      return this.#runs.startParked(run, events, this.#places.next(first.origin))
    const tasks: Task[] = []
    for (const { origin } of events) {
      const open = this.#open.get(origin)
      if (!open) throw new HoldfastError('INTERNAL', { detail: `record ${origin} runs, but is settled` })
      tasks.push(open.task)
    }
    this.#runs.start(run, tasks, this.#begun)
    this.#begun = undefined
  }

  /** Nothing above it is certain: what is parked has been passed by, and is not applied. */
  #appliedBelow(generation: number): Offset | undefined {
    if (generation !== (this.#o.generations.open?.generation ?? 0)) return undefined
    const { parkedFrom } = this.#machine
    return parkedFrom !== undefined && parkedFrom < this.commitable ? parkedFrom : this.commitable
  }

  #askForCommit(): void {
    if (this.#asked === 'soon') return
    const due = this.#machine.commitDue
    if (due === 'no' || due === this.#asked) return
    this.#asked = due
    this.#o.commitDue(due)
  }

  #facts(): Record<string, unknown> {
    return { group: this.#c.settings.group, topic: this.owned.topic, partition: this.owned.partition }
  }
}
