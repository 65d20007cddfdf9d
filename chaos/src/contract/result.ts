/**
 * `result.json`, version 1: everything that one run of an experiment found. The report is drawn from this alone, and
 * `chaos compare` reads nothing else. Times are seconds since the load of that arm began, unless said otherwise.
 * A field may be added; removing one or changing its meaning raises `version`.
 */
export interface Result {
  readonly version: 1
  readonly kind: 'holdfast-experiment'
  /** Time and scenario, such as `2026-11-21T14-40-00-rest-vs-log`. */
  readonly id: string
  readonly scenario: { readonly name: string; readonly title: string; readonly hypothesis: string }
  /** The command that makes this run again. */
  readonly command: string
  readonly seed: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number
  /** True when it was interrupted: nothing is asserted then, and the report says so. */
  readonly partial: boolean
  /** `sequence`: one arm after another. `side-by-side`: at once, and latencies are not to be compared. */
  readonly mode: 'sequence' | 'side-by-side'
  readonly environment: Environment
  /** In the order in which they ran. */
  readonly arms: readonly ArmResult[]
  readonly checks: readonly Check[]
  /** What this run does not show, one sentence each. */
  readonly limits: readonly string[]
}

export interface Environment {
  readonly holdfast: string
  readonly node: string
  readonly postgres: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  /** Median of a few synced writes where the log stands. */
  readonly fsyncMs: number
  /** Load average of one minute when it began: a busy machine shows in the percentiles. */
  readonly load: number
}

/** An assertion of the scenario: declared before the run, compared after it. */
export interface Check {
  readonly arm: string
  /** As written in the scenario: `lost == 0`, `refused_share between 0.2 and 0.6`. */
  readonly expression: string
  /** Why it is expected, for a reader. */
  readonly because: string
  readonly actual: number | string
  readonly passed: boolean
}

export interface ArmResult {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Flags that were on, with what each does. */
  readonly flags: Readonly<Record<string, string>>
  readonly counts: Counts
  /** Sends for each event that was sent: 1 without retries. */
  readonly amplification: number
  /** From the moment at which an event was due. Of the last attempt, where there are several. */
  readonly latency: { readonly accepted: Percentiles; readonly failed: Percentiles }
  /** How often each status or error was seen over all attempts. */
  readonly answers: Readonly<Record<string, number>>
  /** Seconds of the schedule in which a customer was turned away. */
  readonly errorSeconds: number
  /** Accepted events a second, from the moment when the first one was due to the last answer. */
  readonly acceptedPerSecond: number
  /** The most that the load generator was behind its own schedule, milliseconds. It is part of every latency. */
  readonly behindMs: number
  /** Seconds from the end of the first fault to the next accepted event; null when there was no fault, or never. */
  readonly firstSuccessAfterFault: number | null
  /**
   * Seconds from the end of the last fault, or without one of the busiest phase, until no more was waiting than comes in
   * a second; null when that never was, and where nothing can wait.
   */
  readonly drainedAfterFault: number | null
  readonly peakLag: number | null
  readonly phases: readonly PhaseResult[]
  readonly faults: readonly FaultResult[]
  readonly series: Series
  readonly timeline: readonly TimelineEvent[]
  /** The first of each finding; all of them are in events.ndjson. */
  readonly examples: Readonly<Record<FindingName, readonly string[]>>
  /** Sums that do not close, and other reasons not to believe this arm. The run fails when there is one. */
  readonly problems: readonly string[]
  /** CPU seconds and largest RSS of the arm's processes, without database and load. */
  readonly cost: { readonly cpuSeconds: number; readonly rssBytes: number }
}

export type FindingName = 'lost' | 'doubled' | 'ghosts' | 'altered' | 'inversions' | 'aggregates'

/** planned = sent + unsent; sent = accepted + refused + unanswered; accepted = stored + dead + pending + lost. */
export interface Counts {
  readonly planned: number
  readonly sent: number
  readonly unsent: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  /** Accepted events that have a row. */
  readonly stored: number
  /** Events that nobody answered and that have a row all the same, as they may. */
  readonly storedUnanswered: number
  /** Accepted, and nowhere. */
  readonly lost: number
  /** Applied more than once. */
  readonly doubled: number
  /** Stored though never sent, or refused for certain. */
  readonly ghosts: number
  readonly altered: number
  readonly inversions: number
  /** Sums in the store that differ from what the events should have added to them. */
  readonly aggregates: number
  readonly dead: number
  readonly pending: number
}

/** Milliseconds. All 0 when there was none. */
export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface PhaseResult {
  readonly name: string
  readonly from: number
  readonly to: number
  /** Planned events a second. */
  readonly rate: number
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  readonly unsent: number
  readonly latency: Percentiles
}

export interface FaultResult {
  /** Such as `postgres kill` or `consumer freeze`. */
  readonly name: string
  readonly plannedAt: number
  readonly began: number
  readonly ended: number
  /** What was seen of it: a refused connection, an exit signal. Empty means that it did not happen, and the run fails. */
  readonly observed: readonly string[]
}

/** One entry of each array for each second. `null` where it could not be read. */
export interface Series {
  readonly second: readonly number[]
  /** Events by the second in which they were due. */
  readonly accepted: readonly number[]
  readonly refused: readonly number[]
  readonly unanswered: readonly number[]
  readonly unsent: readonly number[]
  /** Of all answers to events due in that second, milliseconds. */
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
  readonly rows: readonly (number | null)[]
  readonly lag: readonly (number | null)[]
  readonly lagSeconds: readonly (number | null)[]
  readonly breaker: readonly ('CLOSED' | 'OPEN' | 'HALF_OPEN' | null)[]
  readonly deadLetters: readonly (number | null)[]
  readonly retrying: readonly (number | null)[]
  /** Share of one core, of all processes of the arm. */
  readonly cpu: readonly (number | null)[]
  readonly rssBytes: readonly (number | null)[]
}

export interface TimelineEvent {
  readonly at: number
  readonly kind: 'phase' | 'fault' | 'breaker' | 'service' | 'drained' | 'note'
  readonly text: string
}
