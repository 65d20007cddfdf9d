import { isHoldfastError, partitionId, sleep, type Offset } from '../../event/index.ts'
import type { ReadResult } from '../../log/index.ts'
import {
  failureText,
  floodGuard,
  letteredIn,
  noCounts,
  type Assignment,
  type JobCounts,
  type JobTopic,
  type Progress,
} from '../../recover/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import type { Sink } from '../../sink/index.ts'
import type { Generations } from '../generations.ts'
import type { GroupContext } from '../group-context.ts'
import { rateLimit, type Limiter } from '../limits.ts'
import { DATABASE } from '../settings.ts'
import { watermark, type Watermark } from '../watermark.ts'
import { fill, type FillTask } from './fill.ts'
import { sortPage, type Sorted } from './sort-page.ts'

export interface PartOptions {
  readonly context: GroupContext
  readonly sink: Sink
  readonly topic: AnyTopic
  readonly generations: Generations
  readonly jobs: JobTopic
  /** Shared by all partitions of the group in this process. */
  readonly places: Limiter
  /** Whether an event waits for a retry. */
  isOpen(origin: Offset): boolean
  /** The database gave the partition to another. */
  fenced(): void
}

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
/** Progress is said at most this often: what a crash repeats, and finds in the inbox. */
const SAY_EVERY_MS = 2_000
/** Between tries of what failed. */
const RETRY_MS = 1_000

/** One replay in one partition, from where it stands. */
export class Part {
  readonly #o: PartOptions
  readonly #c: GroupContext
  readonly #a: Assignment
  readonly #tenure: string
  readonly #work: AbortSignal
  /** Aborted when the process lets go, or the job is cancelled. */
  readonly #intake = new AbortController()
  readonly #mark: Watermark
  /** The position that was said last. */
  #saidTo: Offset
  readonly #counts: Record<keyof JobCounts, number> = { ...noCounts }
  #stands: string | undefined

  constructor(
    options: PartOptions,
    assignment: Assignment,
    tenure: string,
    intake: AbortSignal,
    work: AbortSignal,
  ) {
    this.#o = options
    this.#c = options.context
    this.#a = assignment
    this.#tenure = tenure
    this.#work = work
    this.#mark = watermark(assignment.position)
    this.#saidTo = assignment.position
    const abort = (): void => this.#intake.abort()
    intake.addEventListener('abort', abort, { once: true })
    this.#intake.signal.addEventListener('abort', () => intake.removeEventListener('abort', abort))
    if (intake.aborted || assignment.cancelled) abort()
  }

  async run(): Promise<void> {
    void this.#heedCancel()
    const over = new AbortController()
    const telling = this.#tellNowAndThen(over.signal)
    await this.#fill().finally(() => over.abort())
    await telling
    if (this.#stands !== undefined && !this.#intake.signal.aborted) {
      await this.#say('waits')
      await aborted(this.#intake.signal)
    }
    this.#intake.abort()
    const { range } = this.#a
    const now = this.#o.jobs.book.next(this.#c.settings.group, range)
    // Another owner has said the last word meanwhile.
    if (now?.job.job !== this.#a.job.job) return
    if (this.#mark.commitable >= range.to) await this.#say('done')
    else if (now.cancelled) await this.#say('cancelled')
    else if (this.#mark.commitable > this.#saidTo) await this.#say('running')
  }

  /** Beside the work, and not behind each page: at a rate of one a second a page takes minutes. */
  async #tellNowAndThen(over: AbortSignal): Promise<void> {
    const { clock } = this.#c
    for (;;) {
      await sleep(clock, SAY_EVERY_MS, over)
      if (over.aborted) return
      if (this.#mark.commitable > this.#saidTo) await this.#say('running')
    }
  }

  async #heedCancel(): Promise<void> {
    const { jobs } = this.#o
    while (!this.#intake.signal.aborted) {
      const next = jobs.book.next(this.#c.settings.group, this.#a.range)
      if (next?.job.job !== this.#a.job.job || next.cancelled) return this.#intake.abort()
      await jobs.changed(this.#intake.signal)
    }
  }

  async #fill(): Promise<void> {
    const { log, settings, clock } = this.#c
    const { range, job } = this.#a
    const { signal } = this.#intake
    const { of: generationOf } = this.#o.generations
    const lettered = letteredIn(log, settings.group, range, generationOf)
    const rate = rateLimit(job.ratePerSecond && job.ratePerSecond / job.ranges.length, clock)
    const guard = floodGuard(settings.deadShare)
    const context = { ...this.#o, settings, lettered, generationOf }
    let position = this.#a.position
    while (position < range.to && !signal.aborted && this.#stands === undefined) {
      const page = await this.#read(position)
      if (!page) continue
      const records = page.records.filter(record => record.offset < range.to)
      const sorted = await this.#withDatabase(() => sortPage(records, context, signal))
      if (!sorted) continue
      const tasks = this.#deliver(sorted)
      await fill(tasks, {
        ...this.#o,
        rate,
        guard,
        intake: signal,
        work: this.#work,
        settled: (task, how) => this.#settled(task, how),
        fenced: () => {
          this.#intake.abort()
          this.#o.fenced()
        },
        stand: reason => this.#standStill(reason),
      })
      position = page.next < range.to ? page.next : range.to
      if (this.#stands === undefined && this.#mark.unfinished === 0) this.#mark.readUpTo(position)
    }
  }

  /** Those that are to run. All others have their outcome with that. */
  #deliver(sorted: readonly Sorted[]): FillTask[] {
    const tasks: FillTask[] = []
    for (const one of sorted) {
      if (one.kind === 'wait') {
        this.#mark.readUpTo(one.record.offset)
        this.#standStill(one.reason)
        break
      }
      const { record } = one
      const task: FillTask = {
        record,
        delivery: this.#mark.delivered(record),
        event: one.kind === 'missing' ? one.event : undefined,
        handler: one.kind === 'missing' ? one.handler : undefined,
        attempts: 0,
        first: undefined,
        last: undefined,
        dueAt: 0,
        fate: one.kind === 'unreadable' ? { reason: one.reason, error: one.error } : undefined,
      }
      if (one.kind === 'missing' || one.kind === 'unreadable') tasks.push(task)
      else this.#settled(task, one.kind)
    }
    return tasks
  }

  #settled(task: FillTask, how: keyof JobCounts): void {
    this.#counts[how] += 1
    this.#mark.completed(task.delivery)
  }

  #standStill(reason: string): void {
    if (this.#stands !== undefined) return
    this.#stands = reason
    const facts = { group: this.#c.settings.group, partition: partitionId(this.#a.range) }
    this.#c.logger.error(facts, `replay ${this.#a.job.job} stands still: ${reason}`)
  }

  /** Undefined when it is to be tried again, or stands still. */
  async #read(position: Offset): Promise<ReadResult | undefined> {
    const { topic, partition } = this.#a.range
    const { signal } = this.#intake
    try {
      return await this.#c.log.read({ topic, partition, offset: position }, PAGE, signal)
    } catch (error) {
      if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_CORRUPT')) this.#standStill(error.message)
      else await this.#failed('reading the log for a replay failed, trying again', error)
      return undefined
    }
  }

  /** Waits while the group is paused or the database is away. Undefined when it is to be tried again. */
  async #withDatabase<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { gate, dependencies } = this.#c
    const { signal } = this.#intake
    await gate.passed(signal)
    const pass = await dependencies.find(one => one.name === DATABASE)?.enter(signal)
    if (!pass) {
      await sleep(this.#c.clock, RETRY_MS, signal)
      return undefined
    }
    try {
      const result = await work()
      pass.done('success')
      return result
    } catch (error) {
      const isAway = !signal.aborted && this.#o.sink.isOutage(error)
      pass.done(isAway ? 'outage' : 'neither', failureText(error))
      // Damage among the letters, say: trying again mends nothing.
      if (!signal.aborted && isHoldfastError(error) && !error.retriable) this.#standStill(error.message)
      else if (!isAway) await this.#failed('looking for what a replay has to do failed, trying again', error)
      return undefined
    }
  }

  /** The last word is said until it is heard; anything else once. */
  async #say(state: Progress['state']): Promise<void> {
    const { clock } = this.#c
    const { job, range } = this.#a
    this.#saidTo = this.#mark.commitable
    const progress: Progress = {
      kind: 'progress',
      job: job.job,
      topic: range.topic,
      partition: range.partition,
      tenure: this.#tenure,
      at: clock.now(),
      position: this.#saidTo,
      state,
      reason: state === 'waits' ? this.#stands : undefined,
      counts: { ...this.#counts },
    }
    const isLast = state === 'done' || state === 'cancelled'
    do {
      try {
        await this.#o.jobs.append(progress)
        // Read back, or the job would be begun again.
        return await this.#o.jobs.caughtUp()
      } catch (error) {
        await this.#failed('the progress of a replay could not be written', error)
      }
    } while (isLast && !this.#work.aborted && !this.#o.jobs.failed)
  }

  async #failed(what: string, error: unknown): Promise<void> {
    if (this.#work.aborted) return
    const { logger, clock, settings } = this.#c
    const facts = { group: settings.group, partition: partitionId(this.#a.range), error: failureText(error) }
    if (!this.#intake.signal.aborted) logger.warn(facts, what)
    await sleep(clock, RETRY_MS, this.#work)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
