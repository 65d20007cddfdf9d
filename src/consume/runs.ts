import { HoldfastError, sleep, type LogRecord, type Offset } from '../event/index.ts'
import { describeFailure, failureText } from '../recover/index.ts'
import type { RunEvent, RunResult } from '../recover/lane/index.ts'
import type { Lease } from '../sink/index.ts'
import type { Place } from './admission.ts'
import { Fifo } from './fifo.ts'
import { mayDie } from './flood.ts'
import type { GroupContext, Task } from './group-context.ts'
import { supervised, type Outcome, type Settled } from './supervised.ts'
import type { UnderWay } from './under-way.ts'

export interface RunsOptions {
  readonly context: GroupContext
  readonly lease: Lease | undefined
  readonly underWay: UnderWay
  /** Aborted first: nothing new begins. */
  readonly intake: AbortSignal
  /** Aborted last: what runs is cut off. */
  readonly work: AbortSignal
  /** The wall clock of the lane. */
  now(): number
  appliedBelow(): Offset
  /** An event of the lane, read there; undefined when the owner is over. */
  load(event: RunEvent): Promise<Task | undefined>
  /** A run came to its end: one result for each event. */
  ended(run: number, results: readonly RunResult[]): void
  /** A run began that had waited for a place. */
  began(): void
  /** There is a place for an entry of the lane. */
  place(place: Place): void
  /** The database says that another worker owns the partition. */
  fenced(): void
  /** Its handler never came back: once its letter is written the process ends. */
  stuck(origin: Offset, error: HoldfastError): void
}

interface Waiting {
  readonly run: number
  readonly tasks: readonly Task[]
}

const DONE: RunResult = { kind: 'done' }
/** What most runs end with. */
const ONE_DONE: readonly RunResult[] = [DONE]

/**
 * Runs handlers when there is a place for them, and says what came of it as the lane understands it.
 *
 * What waits for a place is a record in a list, with nothing begun for it. A handler that is done when it returns leaves
 * no promise behind. Nothing is decided here about what follows: an event that fails is the lane's.
 */
export class Runs {
  readonly #o: RunsOptions
  readonly #c: GroupContext
  readonly #ready = new Fifo<Waiting>()
  #waitsForPlace = false
  #asksForEntry = false

  constructor(options: RunsOptions) {
    this.#o = options
    this.#c = options.context
  }

  /** Runs of the topic that wait for a place. */
  get ready(): number {
    return this.#ready.size
  }

  /**
   * Begins an event of the topic that nothing has to wait for, if there is a place. `done`: it was done before anybody
   * could look. Undefined: it has to wait for a place.
   */
  tryNow(task: Task): 'done' | Promise<Outcome> | undefined {
    const place = isDead(task) || this.#ready.size > 0 ? undefined : this.#c.admission.tryEnter(1)
    if (!place) return undefined
    const outcome = this.#attempt([task], place)
    if (outcome instanceof Promise) return outcome
    this.#finished(task, 'ok') // whatever else could be the matter takes time to find out
    return 'done'
  }

  /** Events of the topic; several are a batch. `begun`: what {@link tryNow} began. */
  start(run: number, tasks: readonly Task[], begun: Promise<Outcome> | undefined): void {
    if (begun) return this.#o.underWay.track(begun.then(outcome => this.#after(run, tasks, outcome)))
    this.#ready.push({ run, tasks })
    this.#begin()
  }

  /** An entry of the lane, in the place that it was begun for. */
  startParked(run: number, event: RunEvent, place: Place): void {
    this.#o.underWay.track(this.#runParked(run, event, place))
  }

  /** Asks for a place for an entry of the lane; one at a time. */
  askForEntry(): void {
    if (this.#asksForEntry) return
    this.#asksForEntry = true
    this.#o.underWay.track(
      (async () => {
        const place = await this.#c.admission.enter(1, this.#o.intake)
        this.#asksForEntry = false
        if (place) this.#o.place(place)
      })(),
    )
  }

  /** Of the topic, and no handler wants it. */
  skipped(record: LogRecord): void {
    this.#finished({ record, attempts: 0, lastError: undefined }, 'skipped')
  }

  /** Gives back what has no place yet: nothing begins any more. */
  giveBack(): void {
    for (let next = this.#ready.shift(); next; next = this.#ready.shift())
      this.#o.ended(next.run, next.tasks.map(again))
  }

  // ---- places

  #begin(): void {
    for (let next = this.#ready.first; next && !this.#o.intake.aborted; next = this.#ready.first) {
      const isDying = next.tasks.every(isDead)
      const place = isDying ? undefined : this.#c.admission.tryEnter(next.tasks.length)
      if (!place && !isDying) {
        if (!this.#waitsForPlace) this.#o.underWay.track(this.#beginWhenPlace(next.tasks.length))
        return
      }
      this.#ready.shift()
      this.#run(next, place)
    }
  }

  /** One waits for all that are ready, so that the group's other partitions get their turn. */
  async #beginWhenPlace(count: number): Promise<void> {
    this.#waitsForPlace = true
    const place = await this.#c.admission.enter(count, this.#o.intake)
    this.#waitsForPlace = false
    const next = this.#o.intake.aborted ? undefined : this.#ready.shift()
    if (next) this.#run(next, place)
    else place?.leave('neither')
    this.#begin()
    this.#o.began()
  }

  // ---- one run

  #run({ run, tasks }: Waiting, place: Place | undefined): void {
    const live = tasks.some(isDead) ? tasks.filter(task => !isDead(task)) : tasks
    if (!place || live.length === 0) {
      place?.leave('neither')
      this.#o.underWay.track(this.#conclude(run, tasks, []))
      return
    }
    const outcome = this.#attempt(live, place)
    if (outcome instanceof Promise) this.#o.underWay.track(outcome.then(one => this.#after(run, tasks, one)))
    else {
      const more = this.#after(run, tasks, outcome)
      if (more) this.#o.underWay.track(more)
    }
  }

  async #runParked(run: number, event: RunEvent, place: Place): Promise<void> {
    const task = await this.#o.load(event)
    if (!task || !task.handler || isDead(task)) {
      place.leave('neither')
      if (task && isDead(task)) return this.#conclude(run, [task], [])
      this.#o.ended(run, [task ? this.#leftOut(task) : AGAIN])
      return
    }
    await this.#after(run, [task], await this.#attempt([task], place))
  }

  #attempt(tasks: readonly Task[], place: Place): Outcome | Promise<Outcome> {
    return supervised(tasks, place, this.#c, {
      lease: this.#o.lease,
      appliedBelow: this.#o.appliedBelow(),
      signal: this.#o.work,
    })
  }

  /** Without a promise where everything was done. `outcome` is about the tasks that could be read. */
  #after(run: number, tasks: readonly Task[], outcome: Outcome): Promise<void> | undefined {
    if (outcome === 'fenced') {
      this.#o.fenced()
      return undefined
    }
    if (outcome === 'cut') {
      this.#o.ended(run, tasks.map(again))
      return undefined
    }
    if (outcome.length < tasks.length || outcome.some(isTrouble)) return this.#conclude(run, tasks, outcome)
    this.#o.ended(
      run,
      outcome.length === 1 && tasks[0] ? this.#one(tasks[0], outcome[0]) : this.#all(tasks, outcome),
    )
    return undefined
  }

  #one(task: Task, settled: Settled | undefined): readonly RunResult[] {
    const result = settled ? this.#plain(task, settled) : AGAIN
    return result === DONE ? ONE_DONE : [result]
  }

  #all(tasks: readonly Task[], outcome: readonly Settled[]): readonly RunResult[] {
    return tasks.map((task, i) => {
      const settled = outcome[i]
      return settled ? this.#plain(task, settled) : again(task)
    })
  }

  #plain(task: Task, settled: Settled): RunResult {
    if (settled.kind === 'held') return again(task)
    this.#finished(task, settled.kind === 'duplicate' ? 'duplicate' : 'ok')
    return DONE
  }

  // ---- what failed

  async #conclude(run: number, tasks: readonly Task[], outcome: readonly Settled[]): Promise<void> {
    const left = [...outcome]
    const results: RunResult[] = []
    for (const task of tasks) {
      const settled = isDead(task) ? undefined : left.shift()
      results.push(await this.#result(task, settled))
    }
    this.#o.ended(run, results)
  }

  async #result(task: Task, settled: Settled | undefined): Promise<RunResult> {
    if (task.fate) return this.#unreadable(task, task.fate)
    if (!settled) return again(task)
    switch (settled.kind) {
      case 'expired':
        return this.#dies(task, 'expired', new Error(EXPIRED), false)
      case 'failed':
        return this.#afterFailure(task, settled)
      default:
        return this.#plain(task, settled)
    }
  }

  /** It has no place, so the gate is not yet behind it. */
  async #unreadable(task: Task, fate: NonNullable<Task['fate']>): Promise<RunResult> {
    const result = this.#dies(task, fate.reason, fate.error, false)
    if (result === AGAIN && task.round === undefined) await this.#c.gate.passed(this.#o.intake)
    return result
  }

  async #afterFailure(task: Task, failed: Extract<Settled, { kind: 'failed' }>): Promise<RunResult> {
    const { error, decision, returned } = failed
    const { settings, observer, logger, clock } = this.#c
    if (returned && !(await this.#cameBack(returned))) return this.#stuck(task)
    switch (decision.kind) {
      case 'pause':
        return again(task)
      case 'skip':
        logger.info(
          { ...placeOf(task), group: settings.group, error: failureText(error) },
          'event skipped by onError',
        )
        return this.#leftOut(task)
      case 'dead':
        return this.#dies(task, decision.reason, error, true)
      case 'retry': {
        observer.attempted?.({ topic: task.record.topic, group: settings.group, result: 'retried', count: 1 })
        const dueAt = this.#o.now() + (settings.retryDelaysMs[task.attempts] ?? 0)
        return { kind: 'retry', dueAt, failure: describeFailure(error, clock.now()) }
      }
    }
  }

  /**
   * A handler went on after its deadline. Trying the event again beside it would break the order of its key, so the
   * key waits for it.
   */
  #cameBack(returned: Promise<void>): Promise<boolean> {
    const { clock, stuckAfterMs } = this.#c
    const timer = new AbortController()
    const waited = sleep(clock, stuckAfterMs, AbortSignal.any([timer.signal, this.#o.intake]))
    return Promise.race([returned.then(() => true), waited.then(() => false)]).finally(() => timer.abort())
  }

  /** What still runs in it may write at any time. It dies first, so that the next process does not meet it again. */
  #stuck(task: Task): RunResult {
    if (this.#o.intake.aborted) return again(task)
    const { settings, stuckAfterMs } = this.#c
    const { topic, partition, offset } = task.record
    const error = new HoldfastError('HANDLER_STUCK', {
      detail: `${settings.group}: ${topic}/${partition} offset ${offset} runs ${stuckAfterMs} ms past its deadline`,
    })
    const result = this.#dies(task, 'stuck', error, true)
    if (result.kind === 'dead') this.#o.stuck(offset, error)
    return result
  }

  /** Nothing of it is written while the group is paused for a flood of deaths. */
  #dies(task: Task, reason: string, error: unknown, tried: boolean): RunResult {
    const failure = describeFailure(error, this.#c.clock.now())
    if (!mayDie(this.#c, `${reason}: ${failure.message}`)) return again(task)
    return { kind: 'dead', reason, failure, tried }
  }

  // ---- outcomes

  #leftOut(task: Task): RunResult {
    this.#finished(task, 'skipped')
    return { kind: 'skip' }
  }

  #finished(of: Finished, result: 'ok' | 'duplicate' | 'skipped'): void {
    finished(this.#c, of, result)
    this.#c.guard.survived(this.#c.clock.monotonic(), 1)
  }
}

const EXPIRED = 'its inbox day is gone, so nobody knows whether it was applied'

const AGAIN: RunResult = { kind: 'again', alone: false }
const AGAIN_ALONE: RunResult = { kind: 'again', alone: true }

function again(task: Task): RunResult {
  return task.alone ? AGAIN_ALONE : AGAIN
}

function isDead(task: Task): boolean {
  return task.fate !== undefined
}

function isTrouble({ kind }: Settled): boolean {
  return kind === 'failed' || kind === 'expired'
}

function placeOf({ record }: Task): Record<string, unknown> {
  return { topic: record.topic, partition: record.partition, offset: String(record.offset) }
}

type Finished = Pick<Task, 'record' | 'attempts' | 'lastError'>

/** An event has its durable outcome. */
export function finished(
  { observer, clock, settings }: GroupContext,
  { record, attempts, lastError }: Finished,
  result: 'ok' | 'duplicate' | 'skipped' | 'dead_lettered',
): void {
  const { topic, partition, offset, timestamp } = record
  const { group } = settings
  observer.attempted?.({ topic, group, result, count: 1 })
  observer.completed?.({
    topic,
    group,
    partition,
    offset,
    result,
    failures: attempts,
    error: lastError,
    seconds: Math.max(0, clock.now() - timestamp) / 1000,
  })
}
