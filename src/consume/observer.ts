/**
 * What a running group tells whoever measures it. All methods may be left out; none may throw. Counts are of
 * attempts, not of events, so that an error share never passes 1 under retries.
 */
export interface ConsumeObserver {
  /** Attempts with one outcome. `duplicate`: the inbox knew the event, so the handler did not run. */
  attempted?(of: { topic: string; group: string; result: AttemptResult; count: number }): void
  /** Attempts that failed, by why. An outage is `transient`. */
  failed?(of: { topic: string; group: string; reason: FailureReason; count: number }): void
  /** A handler (or a batch of `count` events) ran for `seconds`. */
  handled?(of: { topic: string; group: string; seconds: number; count: number }): void
  /** Events got their durable outcome, `seconds` after they were appended. */
  completed?(of: Completed): void
  /** Positions moved. */
  committed?(of: { topic: string; group: string; partition: number; offset: bigint }): void
  /** The group's partitions changed hands. */
  rebalanced?(of: { group: string }): void
  /** A dead letter was written durably. */
  deadLettered?(of: { topic: string; group: string; reason: DeathReason }): void
  /** The replay of a dead letter came to its end, durably: it is resolved now, or died again. */
  replayed?(of: { topic: string; group: string; result: ReplayResult }): void
}

/** One event that a group is done with. */
export interface Completed {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly offset: bigint
  readonly result: AttemptResult
  /** Attempts that failed before. */
  readonly failures: number
  /** The message of the last failure, if there was one. */
  readonly error: string | undefined
  /** Since it was appended. */
  readonly seconds: number
}

export type ReplayResult = 'ok' | 'dead_lettered'
export type AttemptResult = 'ok' | 'duplicate' | 'retried' | 'dead_lettered' | 'skipped'
export type FailureReason = 'transient' | 'permanent' | 'decode' | 'schema' | 'timeout'
/** Why an event died. */
export type DeathReason =
  | 'decode'
  | 'schema'
  | 'data'
  | 'attempts'
  | 'stuck'
  | 'expired'
  | 'unhandled'
  | 'verdict'
  | 'process-died'
  | 'cancelled'
  | 'crowded'
