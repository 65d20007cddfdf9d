import { isHoldfastError, sleep, type Clock, type Offset } from '../../event/index.ts'
import type { OwnedPartition } from '../../log/index.ts'
import type { Assignment, JobTopic } from '../../recover/index.ts'
import type { Lease, Reprocessed, Sink } from '../../sink/index.ts'
import type { Generations } from '../generations.ts'
import type { GroupContext } from '../group-context.ts'
import type { ReplayWorker } from './replay-worker.ts'
import { closeRange, noReset, openRange, say } from './reprocess.ts'
import { reprocessWatch, Tally } from './reprocess-watch.ts'

/** A tenure of a partition, as far as reprocessing has to do with it. */
export interface RangeParts {
  readonly context: GroupContext
  readonly sink: Sink
  readonly jobs: JobTopic
  readonly owned: OwnedPartition
  readonly lease: Lease
  readonly generations: Generations
  readonly tenure: string
  /** Lets the owner go, does this with nobody at work, and takes the partition over again. */
  between(step: (signal: AbortSignal) => Promise<void>): void
}

/** Jobs that did not begin here, and why. */
export type Refused = Map<string, Refusal>

interface Refusal {
  readonly reason: string
  /** Resets that failed here. */
  readonly tries: number
  /** Monotonic time from which it is tried again; never here where trying mends nothing. */
  readonly againAt: number
  said: boolean
}

/**
 * Until a reset that failed is tried again: each try lets the owner of the partition go, and live events wait while it
 * runs.
 */
const AGAIN_MS = { first: 2_000, times: 4, most: 5 * 60_000 } as const

/**
 * A range is to be run again, or has been. True when it begins with that: the present owner is let go. Else it has waited
 * for a change.
 */
export async function beginRange(
  next: Assignment,
  refused: Refused,
  intake: AbortSignal,
  { tenure, ...parts }: RangeParts,
): Promise<boolean> {
  const { context, generations, jobs } = parts
  const { job, range } = next
  const known = generations.find(job.job)
  const word = { job: job.job, range, tenure, position: known?.position ?? range.from } as const
  if (known?.isOver || next.cancelled) {
    await say(
      { ...word, state: word.position < range.to ? 'cancelled' : 'done' },
      { ...parts, signal: intake },
    )
    return false
  }
  const { clock, settings } = context
  const { group, reset } = settings
  if (!reset && !refused.has(job.job))
    refused.set(job.job, { reason: noReset(group), tries: 0, againAt: Infinity, said: false })
  const why = refused.get(job.job)
  if (why && clock.monotonic() < why.againAt) {
    if (!why.said) await say({ ...word, state: 'waits', reason: why.reason }, { ...parts, signal: intake })
    else await changeOf(jobs, why.againAt - clock.monotonic(), clock, intake)
    why.said = true
    return false
  }
  parts.between(async signal => {
    await say({ ...word, state: 'running' }, { ...parts, signal })
    const how = await openRange(next, { ...parts, signal })
    if (typeof how !== 'object') return
    const tries = (why?.tries ?? 0) + 1
    const wait = Math.min(AGAIN_MS.first * AGAIN_MS.times ** (tries - 1), AGAIN_MS.most)
    const again = `try ${tries}; the next at ${new Date(clock.now() + wait).toISOString()}`
    const reason = `${how.failed} (${again})`
    refused.set(job.job, { reason, tries, againAt: clock.monotonic() + wait, said: false })
    const facts = { group, job: job.job, tries }
    if (tries === 1) context.logger.error(facts, `replay ${job.job} stands still: ${reason}`)
  })
  return true
}

/** Waits for news of the jobs, for so long at most. */
async function changeOf(jobs: JobTopic, ms: number, clock: Clock, intake: AbortSignal): Promise<void> {
  if (ms === Infinity) return jobs.changed(intake)
  const one = new AbortController()
  const either = AbortSignal.any([intake, one.signal])
  await Promise.race([jobs.changed(either), sleep(clock, ms, either)])
  one.abort()
}

/** A range that is open, and run again by the present owner of its partition. */
export class RangeRun {
  readonly range: Reprocessed
  /** For that owner: it counts what becomes of the events. */
  readonly context: GroupContext
  readonly #p: RangeParts
  readonly #tally: Tally
  #position: Offset
  #moved = Promise.withResolvers<void>()

  constructor(parts: RangeParts, range: Reprocessed) {
    this.#p = parts
    this.range = range
    this.#tally = new Tally(range)
    this.context = this.#tally.listening(parts.context)
    this.#position = range.position
  }

  /**
   * Keeps how far the range is, and then what `commit` does. False when another owns the partition. The position goes
   * first: with the lease it says that nobody had taken over, so what was parked before it counts.
   */
  async store(position: Offset, commit: () => Promise<boolean>, fenced: () => void): Promise<boolean> {
    const { sink, lease } = this.#p
    try {
      if (position > this.#position)
        await sink.reprocessedTo(lease, this.range.job, { position, isOver: false })
    } catch (error) {
      if (!isHoldfastError(error, 'SINK_FENCED')) throw error
      fenced()
      return false
    }
    if (!(await commit())) return false
    this.#position = position
    this.#moved.resolve()
    this.#moved = Promise.withResolvers()
    return true
  }

  /** The owner took an event of it in. */
  taken(): void {
    this.#tally.taken += 1
  }

  /** As the job was asked for, shared evenly by its partitions. */
  async perSecond(): Promise<number | undefined> {
    const { jobs } = this.#p
    await jobs.caughtUp().catch(() => {}) // the reader has said why; then it runs at what live events leave
    const { ratePerSecond, parts } = jobs.book.find(this.range.job) ?? {}
    return ratePerSecond === undefined || !parts ? undefined : ratePerSecond / parts.length
  }

  /** `stopped`: see the owner. */
  watch(stopped: () => string | undefined): ReplayWorker {
    return reprocessWatch({
      ...this.#p,
      range: this.range,
      tally: this.#tally,
      position: () => this.#position,
      moved: () => this.#moved.promise,
      stopped,
      over: () => this.#p.between(signal => this.#close(signal)),
    })
  }

  async #close(signal: AbortSignal): Promise<void> {
    const parts = { ...this.#p, signal }
    const { owned: range, tenure } = this.#p
    const [position, { job }] = [this.#position, this.range]
    if (!(await closeRange(this.range, position, parts))) return
    const state = position < this.range.to ? 'cancelled' : 'done'
    await say({ job, range, tenure, position, state, counts: this.#tally.counts }, parts)
  }
}
