import type { World } from './world.ts'

/**
 * One benchmark: what Holdfast does (the subject) beside what the machine can do at best (the limit), measured in
 * turns in the same run. Only their ratio is compared with an aim, so that figures of two machines mean the same.
 */
export interface Benchmark {
  readonly name: string
  /** What is compared, in a sentence for the table. */
  readonly what: string
  /** Unit of both figures, such as `events/s`. */
  readonly unit: string
  readonly goals: readonly Goal[]
  /** Why it cannot be measured here, such as a broker that nobody named. Said where its figures would stand. */
  readonly missing?: string | undefined
  /** Makes what all rounds share, such as a filled log. */
  open(world: World): Promise<Arms>
}

export interface Arms {
  /** Absent where an outside number is the measure, such as a published latency. */
  readonly limit?: () => Promise<Figure>
  readonly subject: () => Promise<Figure>
}

/** One measurement of one arm. */
export interface Figure {
  readonly value: number
  /** CPU of the measured process, without its clients and its database. */
  readonly cpuSecondsPerMillion?: number
  /** The most memory of its own that the measured process held. */
  readonly rssAnonMiB?: number
  /** What one event takes on the disk. */
  readonly bytesPerEvent?: number
  readonly latencyMs?: Latency
  /** The longest time in which the measured process did nothing else, such as keep its leases. */
  readonly pauseMs?: number
}

export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface Round {
  readonly limit: Figure | undefined
  readonly subject: Figure
}

/** What must hold: a number of a round, and its bound. */
export interface Goal {
  readonly name: string
  readonly of: (round: Round) => number
  readonly bound: { readonly atLeast: number } | { readonly below: number }
}

/**
 * What the limit's process spends on an event, as a share of what ours does. Beside a rate where a server has the same
 * processors: what one of them takes, the other lacks.
 */
export function shareOfLimitCpu(atLeast: number): Goal {
  return {
    name: "the limit's CPU for an event, against ours",
    of: ({ limit, subject }) =>
      (limit?.cpuSecondsPerMillion ?? Number.NaN) / (subject.cpuSecondsPerMillion ?? Number.NaN),
    bound: { atLeast },
  }
}

/** The subject reaches this share of the limit. */
export function shareOfLimit(atLeast: number): Goal {
  return {
    name: 'share of the limit',
    of: ({ limit, subject }) => subject.value / (limit?.value ?? Number.NaN),
    bound: { atLeast },
  }
}
