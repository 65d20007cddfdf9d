import { HoldfastError, sleep, type Offset } from '../event/index.ts'
import { describeFailure, failureText } from '../recover/index.ts'
import type { RunResult } from '../recover/lane/index.ts'
import { finished, type Finished } from './finished.ts'
import { mayDie } from './flood.ts'
import type { GroupContext, Task } from './group-context.ts'
import type { Settled } from './supervised.ts'

export interface RunResultsOptions {
  readonly context: GroupContext
  /** Aborted when nothing new begins. */
  readonly intake: AbortSignal
  /** The wall clock of the lane. */
  now(): number
  /** Whether a tenant holds so much of the lane that its events are not tried again. */
  crowds(tenant: string | undefined): boolean
  /** The handler of this event never came back: once its letter is written the process ends. */
  stuck(origin: Offset, error: HoldfastError): void
}

const DONE: RunResult = { kind: 'done' }
/** What most runs end with. */
const ONE_DONE: readonly RunResult[] = [DONE]
export const AGAIN: RunResult = { kind: 'again', alone: false }
const AGAIN_ALONE: RunResult = { kind: 'again', alone: true }

const EXPIRED = 'its inbox day is gone, so nobody knows whether it was applied'

/** Nothing is held against it. */
export function again(task: Task): RunResult {
  return task.alone ? AGAIN_ALONE : AGAIN
}

/** It cannot be read, and dies without being tried. */
export function isUnreadable(task: Task): boolean {
  return task.fate !== undefined
}

/**
 * What a run means to the lane, and to whoever counts. Nothing is decided here about what follows: an event that failed is
 * the lane's.
 */
export class RunResults {
  readonly #o: RunResultsOptions
  readonly #c: GroupContext

  constructor(options: RunResultsOptions) {
    this.#o = options
    this.#c = options.context
  }

  /**
   * One result for each task; `outcome` is about those that can be read. Without a promise where all was done, or is to be
   * done again.
   */
  of(
    tasks: readonly Task[],
    outcome: readonly Settled[],
  ): readonly RunResult[] | Promise<readonly RunResult[]> {
    if (outcome.length < tasks.length || outcome.some(isTrouble)) return this.#all(tasks, outcome)
    const results: RunResult[] = []
    for (const [i, task] of tasks.entries()) {
      const settled = outcome[i]
      results.push(settled ? this.#plain(task, settled) : again(task))
    }
    return results.length === 1 && results[0] === DONE ? ONE_DONE : results
  }

  /** No handler wants it. */
  skipped(of: Finished): RunResult {
    this.#finished(of, 'skipped')
    return { kind: 'skip' }
  }

  done(task: Task): RunResult {
    this.#finished(task, 'ok')
    return DONE
  }

  async #all(tasks: readonly Task[], outcome: readonly Settled[]): Promise<readonly RunResult[]> {
    const left = [...outcome]
    const results: RunResult[] = []
    for (const task of tasks) {
      const settled = isUnreadable(task) ? undefined : left.shift()
      results.push(await this.#one(task, settled))
    }
    return results
  }

  async #one(task: Task, settled: Settled | undefined): Promise<RunResult> {
    if (task.fate) return this.#dies(task, task.fate.reason, task.fate.error, false)
    if (!settled) return again(task)
    switch (settled.kind) {
      case 'expired':
        return this.#dies(task, 'expired', new Error(EXPIRED), false)
      case 'failed':
        return this.#failed(task, settled)
      default:
        return this.#plain(task, settled)
    }
  }

  #plain(task: Task, { kind }: Settled): RunResult {
    if (kind === 'held') return again(task)
    if (kind !== 'duplicate') return this.done(task)
    this.#finished(task, 'duplicate')
    return DONE
  }

  async #failed(task: Task, failed: Extract<Settled, { kind: 'failed' }>): Promise<RunResult> {
    const { error, decision, returned } = failed
    const { settings, observer, logger, clock } = this.#c
    const { topic, partition, offset } = task.record
    if (returned && !(await this.#cameBack(returned))) return this.#stuck(task)
    switch (decision.kind) {
      case 'pause':
        return again(task)
      case 'skip': {
        const facts = { group: settings.group, topic, partition, offset: String(offset) }
        logger.info({ ...facts, error: failureText(error) }, 'event skipped by onError')
        return this.skipped(task)
      }
      case 'dead':
        return this.#dies(task, decision.reason, error, true)
      case 'retry': {
        if (this.#o.crowds(task.event?.tenant)) return this.#dies(task, 'crowded', error, true)
        observer.attempted?.({ topic, group: settings.group, result: 'retried', count: 1 })
        const dueAt = this.#o.now() + (settings.retryDelaysMs[task.attempts] ?? 0)
        return { kind: 'retry', dueAt, failure: describeFailure(error, clock.now()) }
      }
    }
  }

  /**
   * A handler went on after its deadline. Trying the event again beside it would break the order of its key, so the
   * key waits for it.
   */
  async #cameBack(returned: Promise<void>): Promise<boolean> {
    const { clock, stuckAfterMs } = this.#c
    const timer = new AbortController()
    const waited = sleep(clock, stuckAfterMs, AbortSignal.any([timer.signal, this.#o.intake]))
    const cameBack = await Promise.race([returned.then(() => true), waited.then(() => false)])
    timer.abort()
    return cameBack
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
    if (!mayDie(this.#c, `${reason}: ${failure.message}`, task.record.headers['ce_tenant']))
      return again(task)
    return { kind: 'dead', reason, failure, tried }
  }

  #finished(of: Finished, result: 'ok' | 'duplicate' | 'skipped'): void {
    finished(this.#c, of, result)
    this.#c.guard.survived(this.#c.clock.monotonic(), of.record.headers['ce_tenant'])
  }
}

function isTrouble({ kind }: Settled): boolean {
  return kind === 'failed' || kind === 'expired'
}
