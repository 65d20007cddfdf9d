import {
  HoldfastError,
  isHoldfastError,
  othersTurn,
  partitionId,
  sleep,
  type LogRecord,
  type Offset,
} from '../event/index.ts'
import type { Log, OwnedPartition, ReadResult } from '../log/index.ts'
import { describeFailure, failureText } from '../recover/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Lease } from '../sink/index.ts'
import { bury } from './bury.ts'
import type { Place } from './admission.ts'
import type { GroupContext, Task } from './group-context.ts'
import { Lanes, type Lane, type LaneName } from './lanes.ts'
import type { AttemptResult } from './observer.ts'
import { readEvent } from './read-event.ts'
import { supervised, type Outcome, type Settled } from './supervised.ts'
import type { Decision } from './verdict.ts'
import { watermark, type Watermark } from './watermark.ts'

/**
 * One partition, one owner, one epoch, one pipeline:
 *
 *   fetch → decode (guarded) → lane of the key → place (gate, rate, concurrency, breakers) → attempt → outcome → watermark
 *
 * A lane is a queue of events that run one after another; different lanes run at once. Single events always go through
 * their lane, and begin when there is a place for them: what waits is a record in a list, with nothing begun for it. A
 * handler that is done when it returns leaves no promise behind. A batch group gathers events for one transaction
 * instead, and an event that fails there goes on in its lane alone, with the later ones of its lane behind it, until
 * the lane is empty again.
 *
 * An event leaves only with a durable outcome: done, dead (its letter is durable) or skipped. Whatever else happens
 * (abort, fence, crash), its offset stays unfinished, the commit stays below it, and it is delivered again.
 */
export interface PartitionWorker {
  readonly owned: OwnedPartition
  /** Everything below has a durable outcome. */
  readonly commitable: Offset
  /** Events taken from the log and not yet done. */
  readonly inFlight: number
  /** Append time of the oldest of them. */
  readonly oldestTime: number | undefined
  /** Why it takes nothing in. Undefined while it does. */
  readonly stopped: string | undefined
  /** Set when retention overtook the group: where the log begins now. */
  readonly lostUpTo: Offset | undefined
  /** Stops intake, lets what runs come to its end for at most `drainMs`, then aborts it. */
  stop(drainMs: number): Promise<void>
}

export interface PartitionWorkerOptions {
  readonly context: GroupContext
  readonly topic: AnyTopic
  readonly owned: OwnedPartition
  readonly start: Offset
  /** Events at or above the start that have their dead letter already. */
  readonly buried: ReadonlySet<bigint>
  readonly lease: Lease | undefined
  /** The watermark moved. */
  progressed(): void
  /** The database fenced this owner. Told once; the worker takes nothing in any more. */
  fenced(): void
}

/** Fetched at once, at most. */
const FETCH = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }
/** Bytes in flight for each partition. */
const MAX_BYTES = 16 * 1024 * 1024
/** Delivered events from the first unfinished one on: what a crash would deliver again. */
const MAX_SPAN = 100_000
/** Between tries to read. */
const RETRY_READ_MS = 1_000

export function partitionWorker(options: PartitionWorkerOptions): PartitionWorker {
  return new Worker(options)
}

class Worker implements PartitionWorker {
  readonly owned: OwnedPartition
  stopped: string | undefined
  lostUpTo: Offset | undefined
  readonly #o: PartitionWorkerOptions
  readonly #c: GroupContext
  readonly #mark: Watermark
  readonly #lanes = new Lanes()
  #waitsForPlace = false
  /** Events that wait for a batch, in offset order. */
  #gathered: Task[] = []
  #gatherTimer: (() => void) | undefined
  #batchRunning = false
  #bytes = 0
  /** Aborted first: nothing new begins. */
  readonly #intake = new AbortController()
  /** Aborted last: what runs is cut off. */
  readonly #work = new AbortController()
  /** Pieces of work under way, and who waits for the last of them. */
  #running = 0
  #idle: PromiseWithResolvers<void> | undefined
  #roomMade: (() => void) | undefined
  #halted = false

  constructor(options: PartitionWorkerOptions) {
    this.#o = options
    this.#c = options.context
    this.owned = options.owned
    this.#mark = watermark(options.start)
    this.#track(this.#fetch(options.start))
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

  async stop(drainMs: number): Promise<void> {
    this.#intake.abort()
    this.#gatherTimer?.()
    this.#roomMade?.()
    const timer = new AbortController()
    const settled = this.#settled()
    await Promise.race([settled, sleep(this.#c.clock, drainMs, timer.signal)])
    timer.abort()
    this.#work.abort()
    // An attempt ends at the abort: `.on` handlers are left behind, transactions are rolled back.
    await settled
  }

  #settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  #track(work: Promise<void>): void {
    this.#running += 1
    const over = (): void => {
      this.#running -= 1
      if (this.#running === 0) this.#idle?.resolve()
    }
    work.catch((error: unknown) => this.#c.fatal(error)).then(over, over)
  }

  // ---- intake

  async #fetch(start: Offset): Promise<void> {
    const { log, gate, dependencies } = this.#c
    const signal = this.#intake.signal
    let position = start
    while (!signal.aborted && !this.#halted) {
      await this.#room(signal)
      await gate.passed(signal)
      // An open breaker pauses intake too: what is read now would only wait in memory.
      for (const dependency of dependencies) (await dependency.enter(signal))?.done('neither')
      if (signal.aborted) return
      const page = await this.#readPage(position, log, signal)
      if (!page) continue
      for (const record of page.records) {
        if (!this.#accept(record)) return
      }
      this.#mark.readUpTo(page.next)
      if (page.next > position) this.#o.progressed()
      position = page.next
      if (page.records.length > 0) await othersTurn()
    }
  }

  async #readPage(offset: Offset, log: Log, signal: AbortSignal): Promise<ReadResult | undefined> {
    try {
      return await log.read({ ...this.#place(), offset }, FETCH, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      if (this.#readFailed(error)) await sleep(this.#c.clock, RETRY_READ_MS, signal)
      else this.#halted = true
      return undefined
    }
  }

  /** Whether reading may be tried again. */
  #readFailed(error: unknown): boolean {
    if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_CORRUPT')) {
      const start = error.facts['start']
      if (
        error.code === 'OFFSET_OUT_OF_RANGE' &&
        typeof start === 'bigint' &&
        start > this.#mark.commitable
      ) {
        this.lostUpTo = start as Offset
      }
      this.#halt(error.message)
      return false
    }
    if (isHoldfastError(error, 'LOG_CLOSED')) return false
    this.#c.logger.warn(
      { ...this.#facts(), error: failureText(error) },
      'reading the log failed, trying again',
    )
    return true
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (this.#isFull() && !signal.aborted) {
      const made = Promise.withResolvers<void>()
      this.#roomMade = made.resolve
      await made.promise
    }
  }

  #isFull(): boolean {
    const { maxInFlight, concurrency, batch } = this.#c.settings
    return (
      this.#mark.unfinished >= maxInFlight ||
      this.#bytes >= MAX_BYTES ||
      this.#mark.span >= MAX_SPAN ||
      // Enough for every place: more would only grow old in memory.
      this.#lanes.ready >= concurrency ||
      this.#gathered.length >= (batch?.max ?? Infinity)
    )
  }

  #makeRoom(): void {
    if (!this.#roomMade || this.#isFull()) return
    this.#roomMade()
    this.#roomMade = undefined
  }

  /** False when the partition must wait at this record. */
  #accept(record: LogRecord): boolean {
    const reading = readEvent(record, this.#o.topic, this.#c.settings)
    if (reading.kind === 'pause') {
      this.#mark.readUpTo(record.offset)
      this.#halt(reading.reason)
      return false
    }
    const handling = reading.kind === 'handle' ? reading : undefined
    const task: Task = {
      record,
      delivery: this.#mark.delivered(record),
      event: handling?.event,
      handler: handling?.handler,
      attempts: 0,
      first: undefined,
      last: undefined,
      dueAt: 0,
      alone: false,
      fate: reading.kind === 'dead' ? { reason: reading.reason, error: reading.error } : undefined,
    }
    this.#bytes += sizeOf(record)
    if (this.#o.buried.has(record.offset)) this.#finish(task, 'dead_lettered')
    else if (reading.kind === 'skip') this.#finish(task, 'skipped')
    // Nothing runs for it, so it need not wait for its key, nor its key for it.
    else if (task.fate) this.#track(this.#persist(task).then(() => {}))
    else this.#line(task)
    return true
  }

  /** Puts it where it waits for its turn. */
  #line(task: Task): void {
    const lane = this.#laneOf(task)
    if (this.#c.settings.batch && !this.#lanes.has(lane)) return this.#gather(task)
    this.#lanes.add(lane, task)
    this.#begin()
  }

  #laneOf = ({ record: { key, offset } }: Task): LaneName => {
    switch (this.#c.settings.order) {
      case 'partition':
        return ''
      case 'key':
        // A record that came without a key (from another producer) has no order to keep.
        return key === undefined ? offset : key
      case 'none':
        return offset
    }
  }

  // ---- lanes

  /** Begins what may: the heads of lanes, as many as there are places. */
  #begin(): void {
    for (let head = this.#lanes.head; head && !this.#intake.signal.aborted; head = this.#lanes.head) {
      const place = wasTried(head) ? undefined : this.#c.admission.tryEnter(1)
      if (!place && !wasTried(head)) {
        if (!this.#waitsForPlace) this.#track(this.#beginWhenPlace())
        break
      }
      this.#beginHead(place)
    }
    this.#makeRoom()
  }

  /** One waits for all lanes of the partition, so that the group's other partitions get their turn. */
  async #beginWhenPlace(): Promise<void> {
    this.#waitsForPlace = true
    const place = await this.#c.admission.enter(1, this.#intake.signal)
    this.#waitsForPlace = false
    if (!place) return
    this.#beginHead(place)
    this.#begin()
  }

  /** An event that was tried before waits for its time, and then for a place of its own. */
  #beginHead(place: Place | undefined): void {
    const lane = this.#lanes.take()
    if (!lane || !place || wasTried(lane.head)) {
      place?.leave('neither')
      if (lane) this.#track(this.#persistIn(lane))
      return
    }
    const outcome = this.#attempt([lane.head], place)
    const more = outcome instanceof Promise ? this.#goOnWhen(outcome, lane) : this.#goOn(outcome, lane)
    if (more) this.#track(more)
  }

  async #goOnWhen(outcome: Promise<Outcome>, lane: Lane): Promise<void> {
    await this.#goOn(await outcome, lane)
    this.#begin()
  }

  /** What follows from the first attempt at the head of a lane. Without a promise where that is nothing more. */
  #goOn(outcome: Outcome, lane: Lane): Promise<void> | undefined {
    const settled = this.#settledOf(outcome)?.[0]
    if (!settled) return undefined // cut off: the lane stands still
    if (this.#conclude(lane.head, settled)) return this.#headDone(lane)
    return this.#persistIn(lane, settled)
  }

  async #persistIn(lane: Lane, failed?: Settled): Promise<void> {
    const isDone = (failed && (await this.#isGivenUp(lane.head, failed))) || (await this.#persist(lane.head))
    if (isDone) this.#headDone(lane)
    this.#begin()
  }

  #headDone(lane: Lane): undefined {
    // Only what failed goes alone: a lane that kept its followers would drag behind a batch group for ever.
    const goesOn = !this.#c.settings.batch || lane.followers?.some(wasTried)
    if (goesOn) this.#lanes.headDone(lane)
    else this.#gatherAgain(this.#lanes.dissolve(lane))
  }

  /** Tries one event until it has its outcome. False when it was cut off before. */
  async #persist(task: Task): Promise<boolean> {
    const { clock, admission } = this.#c
    const signal = this.#intake.signal
    while (!signal.aborted) {
      if (task.fate) {
        const end = await this.#die(task)
        if (end !== 'again') return end === 'dead'
      }
      const wait = task.dueAt - clock.monotonic()
      if (wait > 0) await sleep(clock, wait, signal)
      const place = await admission.enter(1, signal)
      if (!place) return false
      const settled = this.#settledOf(await this.#attempt([task], place))?.[0]
      if (!settled) return false
      if (this.#conclude(task, settled) || (await this.#isGivenUp(task, settled))) return true
    }
    return false
  }

  // ---- batches

  #gather(task: Task): void {
    const batch = this.#c.settings.batch
    this.#gathered.push(task)
    if (!batch || this.#batchRunning) return
    if (this.#gathered.length >= batch.max) this.#startBatch()
    else this.#gatherTimer ??= this.#c.clock.after(batch.withinMs, () => this.#startBatch())
  }

  /** They are older than everything else of their lane, which waited behind them. */
  #gatherAgain(tasks: readonly Task[]): void {
    if (tasks.length === 0) return
    this.#gathered.unshift(...tasks)
    if (!this.#batchRunning) this.#startBatch()
  }

  #startBatch(): void {
    this.#gatherTimer?.()
    this.#gatherTimer = undefined
    if (this.#batchRunning || this.#intake.signal.aborted || this.#gathered.length === 0) return
    this.#batchRunning = true
    const tasks = this.#gathered.splice(0, this.#c.settings.batch?.max ?? 1)
    this.#track(this.#runBatch(tasks))
    this.#makeRoom()
  }

  async #runBatch(tasks: readonly Task[]): Promise<void> {
    for (;;) {
      const place = await this.#c.admission.enter(tasks.length, this.#intake.signal)
      if (!place) return
      const settled = this.#settledOf(await this.#attempt(tasks, place))
      if (!settled) return
      const away = settled.every(one => one.kind === 'failed' && one.decision.kind === 'pause')
      if (away) continue // the batch waits at the breaker, as it is
      this.#concludeBatch(tasks, settled)
      break
    }
    this.#batchRunning = false
    // What came meanwhile has waited at least as long as the transaction took.
    this.#startBatch()
  }

  /** Events that failed, or were held behind one, go on in their lane, and what was gathered for that lane follows. */
  #concludeBatch(tasks: readonly Task[], settled: readonly Settled[]): void {
    const alone = tasks.filter((task, i) => {
      const one = settled[i]
      return one === undefined || !this.#conclude(task, one)
    })
    if (alone.length === 0) return
    const lanes = new Set(alone.map(this.#laneOf))
    const follow = this.#gathered.filter(task => lanes.has(this.#laneOf(task)))
    this.#gathered = this.#gathered.filter(task => !lanes.has(this.#laneOf(task)))
    for (const task of [...alone, ...follow]) this.#lanes.add(this.#laneOf(task), task)
    this.#begin()
  }

  // ---- one attempt and what follows from it

  #attempt(tasks: readonly Task[], place: Place): Outcome | Promise<Outcome> {
    return supervised(tasks, place, this.#c, {
      lease: this.#o.lease,
      appliedBelow: this.#mark.commitable,
      laneOf: this.#laneOf,
      signal: this.#work.signal,
    })
  }

  /** Undefined when it was cut off: by the abort, or by the fence. */
  #settledOf(outcome: Outcome): readonly Settled[] | undefined {
    if (outcome === 'fenced') {
      this.#halt('another worker owns the lease in the database')
      this.#o.fenced()
    }
    return outcome === 'fenced' || outcome === 'cut' ? undefined : outcome
  }

  /** True when the event has its outcome; false when it is to be tried again, or dies. */
  #conclude(task: Task, settled: Settled): boolean {
    switch (settled.kind) {
      case 'done':
        this.#finish(task, 'ok')
        return true
      case 'duplicate':
        this.#finish(task, 'duplicate')
        return true
      case 'held':
        return false
      case 'expired':
        task.fate = {
          reason: 'expired',
          error: new Error('its inbox day is gone, so nobody knows whether it was applied'),
        }
        return false
      case 'failed':
        return this.#afterFailure(task, settled.error, settled.decision)
    }
  }

  #afterFailure(task: Task, error: unknown, decision: Decision): boolean {
    const { settings, clock, observer, logger } = this.#c
    switch (decision.kind) {
      case 'pause':
        return false
      case 'skip':
        logger.info(
          { ...this.#facts(), offset: String(task.record.offset), error: failureText(error) },
          'event skipped by onError',
        )
        this.#finish(task, 'skipped')
        return true
      case 'dead':
        this.#remember(task, error)
        task.fate = { reason: decision.reason, error }
        return false
      case 'retry':
        this.#remember(task, error)
        task.dueAt = clock.monotonic() + (settings.retryDelaysMs[task.attempts - 1] ?? 0)
        observer.attempted?.({ topic: task.record.topic, group: settings.group, result: 'retried', count: 1 })
        return false
    }
  }

  #remember(task: Task, error: unknown): void {
    task.attempts += 1
    task.last = describeFailure(error, this.#c.clock.now())
    task.first ??= task.last
  }

  /**
   * A handler went on after its deadline. Trying the event again beside it would break the order of its key, so the
   * key waits. One that never comes back is kept as a dead letter first, so that the next process does not meet it
   * again, and then this process ends: what still runs in it may write at any time.
   */
  async #isGivenUp(task: Task, settled: Settled): Promise<boolean> {
    const returned = settled.kind === 'failed' ? settled.returned : undefined
    if (!returned) return false
    const { clock, stuckAfterMs, fatal, settings } = this.#c
    const cameBack = await Promise.race([
      returned.then(() => true),
      sleep(clock, stuckAfterMs, this.#intake.signal).then(() => false),
    ])
    if (cameBack || this.#intake.signal.aborted) return false
    const error = new HoldfastError('HANDLER_STUCK', {
      detail: `${settings.group}: ${this.#name()} offset ${task.record.offset} runs ${stuckAfterMs} ms past its deadline`,
    })
    this.#remember(task, error)
    task.fate = { reason: 'stuck', error }
    const died = (await this.#die(task)) === 'dead'
    if (died) fatal(error)
    return died
  }

  // ---- outcomes

  #finish(task: Task, result: AttemptResult): void {
    const { observer, clock, guard, settings } = this.#c
    const { topic, partition, offset, timestamp } = task.record
    this.#mark.completed(task.delivery)
    this.#bytes -= sizeOf(task.record)
    observer.attempted?.({ topic, group: settings.group, result, count: 1 })
    observer.completed?.({
      topic,
      group: settings.group,
      partition,
      offset,
      result,
      failures: task.attempts,
      error: task.last?.message,
      seconds: Math.max(0, clock.now() - timestamp) / 1000,
    })
    if (result !== 'dead_lettered') guard.survived(clock.monotonic(), 1)
    this.#makeRoom()
    this.#o.progressed()
  }

  async #die(task: Task): Promise<'dead' | 'again' | 'cut'> {
    const end = await bury(task, this.#c, this.#intake.signal)
    if (end === 'dead') this.#finish(task, 'dead_lettered')
    return end
  }

  // ---- small

  #halt(reason: string): void {
    this.#halted = true
    this.stopped = reason
    this.#c.logger.error(this.#facts(), `${this.#name()} of ${this.#c.settings.group} is stopped: ${reason}`)
  }

  #place(): { topic: string; partition: number } {
    return { topic: this.owned.topic, partition: this.owned.partition }
  }

  #name(): string {
    return partitionId(this.owned)
  }

  #facts(): Record<string, unknown> {
    return { group: this.#c.settings.group, ...this.#place() }
  }
}

/** It has failed before, alone or in a batch, or it dies: it goes on by itself. */
function wasTried(task: Task): boolean {
  return task.attempts > 0 || task.alone || task.fate !== undefined
}

/** Memory that a record holds while it is in flight, roughly. */
function sizeOf(record: LogRecord): number {
  return (record.value?.byteLength ?? 0) + 500
}
