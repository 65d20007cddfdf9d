import type { Offset, TopicPartition } from '../../event/index.ts'

/**
 * What a replay is made of: records of the one partition of `hf.jobs`. A replay is asked for once, then the owner of
 * each partition that it names does the part that lies there and says how far it is. Nothing is changed in place: a job
 * is what comes out when its records are read in order (`job-book.ts`).
 */
export type JobRecord = Asked | Cancel | Progress

/** Where the records of all replays of a log are. Kept for ever: they are few, and the history is wanted. */
export const JOB_TOPIC = 'hf.jobs'

/** Whoever wanted something of a job, when, and why. */
interface Wish {
  readonly job: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** A person or a process, for people. */
  readonly by: string
  readonly reason: string
}

/** `fill` runs what the inbox does not know, and nothing else. `reprocess` runs everything again, in a new generation. */
export type ReplayMode = (typeof replayModes)[number]
export const replayModes = ['fill', 'reprocess'] as const

export interface Asked extends Wish {
  readonly kind: 'asked'
  readonly group: string
  readonly mode: ReplayMode
  /** Events a second over all partitions; undefined: no limit of its own. */
  readonly ratePerSecond: number | undefined
  /** At most one for each partition, none of them empty. */
  readonly ranges: readonly Range[]
}

/** Events of a partition from `from` on and below `to`. */
export interface Range extends TopicPartition {
  readonly from: Offset
  readonly to: Offset
}

/** What is done stays done; what was not begun stays undone. */
export interface Cancel extends Wish {
  readonly kind: 'cancel'
}

/**
 * What the owner of a partition has done. Every word of it is durable before it is said, so it is true whoever says it
 * and however late: a former owner may speak after its successor. The tenure only tells whose counts replace which.
 */
export interface Progress extends TopicPartition {
  readonly kind: 'progress'
  readonly job: string
  readonly tenure: string
  readonly at: number
  /** Everything of the range below it has its outcome. */
  readonly position: Offset
  /** `waits`: it stands still, for a reason. `done` and `cancelled` are the last word. */
  readonly state: 'running' | 'waits' | 'done' | 'cancelled'
  /** Why it waits. */
  readonly reason: string | undefined
  /** Of this tenure alone. */
  readonly counts: JobCounts
}

/** What became of the events of a range, in the order in which it is decided. */
export interface JobCounts {
  /** No effect of the group takes them. */
  readonly passed: number
  /** They have a dead letter or wait for a retry: left to those. */
  readonly left: number
  /** The inbox knew them. */
  readonly known: number
  /** Their inbox day is gone: nobody knows, so they were not run. */
  readonly unknown: number
  /** They ran, and were applied. */
  readonly applied: number
  /** `onError` said so; in a reprocess also those that no handler takes. */
  readonly skipped: number
  /** They ran and have a dead letter now. */
  readonly died: number
}

export const countNames = ['passed', 'left', 'known', 'unknown', 'applied', 'skipped', 'died'] as const

export const noCounts: JobCounts = Object.freeze({
  passed: 0,
  left: 0,
  known: 0,
  unknown: 0,
  applied: 0,
  skipped: 0,
  died: 0,
})

export function addCounts(a: JobCounts, b: JobCounts): JobCounts {
  const sum: Record<(typeof countNames)[number], number> = { ...a }
  for (const name of countNames) sum[name] += b[name]
  return sum
}
