import { partitionId, type Offset, type TopicPartition } from '../../event/index.ts'
import {
  addCounts,
  noCounts,
  type Asked,
  type Cancel,
  type JobCounts,
  type JobRecord,
  type Progress,
  type Range,
  type ReplayMode,
} from './job-record.ts'

/** The replays of a log: the fold of their records, in order. */
export interface JobBook {
  apply(record: JobRecord): void
  /** What the owner of a partition has to do for a group: the oldest job that has a part there without an end. */
  next(group: string, tp: TopicPartition): Assignment | undefined
  /** Newest first. */
  list(): readonly ReplayState[]
  find(job: string): ReplayState | undefined
}

/** A job's part of one partition, from where it goes on. */
export interface Assignment {
  readonly job: Asked
  readonly range: Range
  /** Everything of the range below it has its outcome. */
  readonly position: Offset
  /** Nothing more is to begin; the owner says where it stands. */
  readonly cancelled: boolean
}

/** A replay as it stands. */
export interface ReplayState {
  readonly id: string
  readonly group: string
  readonly mode: ReplayMode
  /**
   * `waiting`: no owner has begun. `cancelling`: owners have still to say where they stand. Ended: `done`, or `cancelled`
   * when a part was cut short.
   */
  readonly state: 'waiting' | 'running' | 'cancelling' | 'done' | 'cancelled'
  /** Milliseconds since 1970, as all times here. */
  readonly askedAt: number
  readonly by: string
  readonly reason: string
  readonly ratePerSecond: number | undefined
  readonly cancelled: Pick<Cancel, 'at' | 'by' | 'reason'> | undefined
  /** Of the last word of its last part. */
  readonly endedAt: number | undefined
  /**
   * What became of its events. Those that a process finished without saying so before it died are counted as known by the
   * next.
   */
  readonly counts: JobCounts
  readonly parts: readonly ReplayPart[]
}

/** What lies in one partition. */
export interface ReplayPart extends Range {
  readonly position: Offset
  readonly state: 'waiting' | Progress['state']
  /** Why it stands still. */
  readonly reason: string | undefined
  readonly counts: JobCounts
}

/** Ended jobs that are remembered; older ones are still in the log. */
const REMEMBERED = 1_000

export function jobBook(): JobBook {
  /** In the order in which they were asked for. */
  const jobs = new Map<string, Job>()
  return {
    apply(record) {
      const job = jobs.get(record.job)
      switch (record.kind) {
        case 'asked':
          // The first of one id counts: a request that was sent twice is one job.
          if (!job) jobs.set(record.job, new Job(record))
          forgetOldest(jobs)
          return
        case 'cancel':
          if (job && !job.ended) job.cancel ??= record
          return
        case 'progress':
          job?.parts.get(partitionId(record))?.progressed(record)
      }
    },
    next(group, tp) {
      for (const { asked, parts, cancel } of jobs.values()) {
        const part = asked.group === group ? parts.get(partitionId(tp)) : undefined
        if (!part || part.ended) continue
        return { job: asked, range: part.range, position: part.position, cancelled: cancel !== undefined }
      }
      return undefined
    },
    list: () => [...jobs.values()].toReversed().map(job => job.view()),
    find: id => jobs.get(id)?.view(),
  }
}

function forgetOldest(jobs: Map<string, Job>): void {
  if (jobs.size <= REMEMBERED) return
  for (const [id, job] of jobs) {
    if (!job.ended) continue
    jobs.delete(id)
    return
  }
}

class Job {
  readonly asked: Asked
  cancel: Cancel | undefined
  readonly parts: ReadonlyMap<string, Part>

  constructor(asked: Asked) {
    this.asked = asked
    this.parts = new Map(asked.ranges.map(range => [partitionId(range), new Part(range)]))
  }

  get ended(): boolean {
    return this.#all.every(part => part.ended)
  }

  get #all(): Part[] {
    return [...this.parts.values()]
  }

  view(): ReplayState {
    const { job, group, mode, at, by, reason, ratePerSecond } = this.asked
    const parts = this.#all.map(part => part.view())
    return {
      id: job,
      group,
      mode,
      state: this.#state(),
      askedAt: at,
      by,
      reason,
      ratePerSecond,
      cancelled: this.cancel && { at: this.cancel.at, by: this.cancel.by, reason: this.cancel.reason },
      endedAt: this.ended ? Math.max(at, ...this.#all.map(part => part.at)) : undefined,
      counts: parts.map(part => part.counts).reduce(addCounts, noCounts),
      parts,
    }
  }

  #state(): ReplayState['state'] {
    if (this.ended) return this.#all.some(part => part.state === 'cancelled') ? 'cancelled' : 'done'
    if (this.cancel) return 'cancelling'
    return this.#all.some(part => part.state !== 'waiting') ? 'running' : 'waiting'
  }
}

/**
 * Owners that were replaced may speak late. What they say is true all the same (see {@link Progress}), so it is merged
 * and never refused: the position is the highest that anybody gave, counts add up over tenures, and the first last word
 * stays.
 */
class Part {
  readonly range: Range
  position: Offset
  state: ReplayPart['state'] = 'waiting'
  at = 0
  #reason: string | undefined
  readonly #counts = new Map<string, JobCounts>()

  constructor(range: Range) {
    this.range = range
    this.position = range.from
  }

  get ended(): boolean {
    return this.state === 'done' || this.state === 'cancelled'
  }

  progressed({ position, tenure, counts, state, reason, at }: Progress): void {
    if (position > this.position) this.position = position
    this.#counts.set(tenure, counts)
    if (this.ended) return
    this.state = state
    this.#reason = reason
    this.at = at
  }

  view(): ReplayPart {
    const counts = [...this.#counts.values()].reduce(addCounts, noCounts)
    return { ...this.range, position: this.position, state: this.state, reason: this.#reason, counts }
  }
}
