import { partitionId, sleep, type Offset } from '../../event/index.ts'
import type { OwnedPartition } from '../../log/index.ts'
import { failureText, noCounts, type JobCounts } from '../../recover/index.ts'
import { laneLetters } from '../../recover/lane/index.ts'
import type { Reprocessed } from '../../sink/index.ts'
import type { Generations } from '../generations.ts'
import type { GroupContext } from '../group-context.ts'
import type { Completed } from '../observer.ts'
import type { ReplayWorker } from './replay-worker.ts'
import { say, type ReprocessParts, type Word } from './reprocess.ts'

export interface WatchOptions extends Omit<ReprocessParts, 'signal'> {
  readonly owned: OwnedPartition
  readonly generations: Generations
  readonly range: Reprocessed
  readonly tenure: string
  readonly tally: Tally
  /** How far the range is, as it is stored. */
  position(): Offset
  /** Resolves when that changes. */
  moved(): Promise<void>
  /** Why its owner takes nothing in, and never will by itself. */
  stopped(): string | undefined
  /** It is at its end, or was cancelled, and everything beside it is done. */
  over(): void
}

/** Progress is said at most this often. */
const SAY_EVERY_MS = 2_000

/** Stands beside the owner that runs a range again: closes its letters of before, says how far it is, and when it is over. */
export function reprocessWatch(options: WatchOptions): ReplayWorker {
  const { context, jobs, owned, range, tally } = options
  const { clock, logger, settings } = context
  const life = new AbortController()
  const { signal } = life
  const watching = watch().catch((error: unknown) => context.fatal(error))
  let saidTo: Offset | undefined
  let saidAt = -Infinity
  let saidStopped = false

  async function watch(): Promise<void> {
    await superseded()
    while (!signal.aborted) {
      // Not whether the book has it as work: its part is ended there already when it was cancelled with nobody here.
      const isCancelled = jobs.book.find(range.job)?.cancelled !== undefined
      if (options.position() >= range.to || isCancelled) return options.over()
      await tell()
      await change()
    }
  }

  /** Until it has succeeded: the job has no end while letters of before are open. */
  async function superseded(): Promise<void> {
    const { topic, partition } = owned
    const origin = { topic, partition }
    const letters = laneLetters({ log: context.log, origin, group: settings.group, clock, signal })
    while (!signal.aborted) {
      try {
        await letters.supersede(options.generations.of)
        return await jobs.caughtUp()
      } catch (error) {
        if (jobs.failed || signal.aborted) return // the reader has said why
        const facts = { group: settings.group, partition: partitionId(owned), error: failureText(error) }
        logger.warn(facts, 'dead letters of a range that runs again could not be closed, trying again')
        await sleep(clock, SAY_EVERY_MS, signal)
      }
    }
  }

  async function tell(): Promise<void> {
    const position = options.position()
    const reason = options.stopped()
    const isNews = saidTo === undefined || position > saidTo || (reason !== undefined && !saidStopped)
    if (!isNews || clock.monotonic() - saidAt < SAY_EVERY_MS) return
    saidTo = position
    saidAt = clock.monotonic()
    saidStopped = reason !== undefined
    const state = reason === undefined ? 'running' : 'waits'
    const word: Word = {
      ...options,
      job: range.job,
      range: owned,
      position,
      state,
      reason,
      counts: tally.counts,
    }
    await say(word, { ...options, signal })
  }

  async function change(): Promise<void> {
    const one = new AbortController()
    const either = AbortSignal.any([signal, one.signal])
    await Promise.race([jobs.changed(either), options.moved(), sleep(clock, SAY_EVERY_MS, either)])
    one.abort()
  }

  return {
    async stop() {
      life.abort()
      await watching
    },
  }
}

/** What has become of the events of a range, counted as the group's observer hears of it. */
export class Tally {
  readonly #counts: Record<keyof JobCounts, number> = { ...noCounts }
  readonly #range: Reprocessed
  /** Events of the range, so far. */
  taken = 0

  constructor(range: Reprocessed) {
    this.#range = range
  }

  /** Those that were taken in and have no end yet wait for a retry. */
  get counts(): JobCounts {
    const { applied, known, skipped, died } = this.#counts
    return { ...this.#counts, left: Math.max(0, this.taken - applied - known - skipped - died) }
  }

  /** The context for the owner that runs the range. */
  listening(context: GroupContext): GroupContext {
    const { observer } = context
    const completed = (of: Completed): void => {
      this.#count(of)
      observer.completed?.(of)
    }
    const heard = new Proxy(observer, {
      get: (target, name): unknown => (name === 'completed' ? completed : Reflect.get(target, name)),
    })
    return { ...context, observer: heard }
  }

  #count({ offset, result }: Completed): void {
    const { from, to } = this.#range
    if (offset >= from && offset < to && result !== 'retried') this.#counts[countOf[result]] += 1
  }
}

const countOf = { ok: 'applied', duplicate: 'known', skipped: 'skipped', dead_lettered: 'died' } as const
