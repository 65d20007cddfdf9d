import type { Offset, TopicPartition } from '../event/index.ts'

/** Where a group stands, for status pages, metrics and programs. */
export interface GroupStatus {
  readonly group: string
  readonly topics: readonly string[]
  /** The worst of its partitions: `paused` when anything keeps it from running. */
  readonly state: 'running' | 'paused' | 'stopped'
  /** Why it is not running, in words: an open breaker, an operator, a flood of dead letters, an unknown type. */
  readonly reason: string | undefined
  readonly members: readonly string[]
  /** Events not yet done, over the partitions that this process owns and those that nobody owns. */
  readonly lag: bigint
  /** Age of the oldest event not yet done, in seconds; 0 without lag. */
  readonly lagSeconds: number
  /** Events that wait in the retry lanes of the partitions that this process owns. No lag: the group has passed them. */
  readonly parked: number
  /** Dead letters that nobody has decided about, or whose replay is under way; also those of earlier runs. */
  readonly deadLetters: number
  readonly partitions: readonly PartitionStatus[]
}

export interface PartitionStatus extends TopicPartition {
  readonly state: 'running' | 'paused' | 'stopped'
  readonly reason: string | undefined
  readonly committed: Offset
  readonly end: Offset
  readonly lag: bigint
  readonly lagSeconds: number
  /** Events taken from the log and not yet done. */
  readonly inFlight: number
  /** Events that wait in its retry lane; 0 for a partition that this process does not own. */
  readonly parked: number
}
