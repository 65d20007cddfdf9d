import type { GroupStatus } from '../consume/index.ts'
import type { TopicPartition } from '../event/index.ts'

/** Where the log and its groups stand at one moment. Gauges are set from it when somebody asks for the metrics. */
export interface Standing {
  readonly groups: readonly GroupStatus[]
  readonly topics: readonly TopicStanding[]
  /** Free bytes on the disk of the log. Undefined for a log without a disk. */
  readonly freeDiskBytes: number | undefined
}

export interface TopicStanding {
  readonly topic: string
  readonly retentionMs: number | undefined
  /** Bytes on disk. Undefined where the driver does not know. */
  readonly bytes: number | undefined
  readonly partitions: readonly (TopicPartition & { readonly start: bigint; readonly end: bigint })[]
}
