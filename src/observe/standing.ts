import type { GroupStatus } from '../consume/index.ts'
import type { TopicPartition } from '../event/index.ts'
import type { LogSpace } from '../log/index.ts'
import type { OutboxStatus, PoolStatus } from '../sink/index.ts'
import type { ReplayStanding } from './replay-standing.ts'

/** Where the log and its groups stand at one moment. Gauges are set from it when somebody asks for the metrics. */
export interface Standing {
  readonly groups: readonly GroupStatus[]
  readonly topics: readonly TopicStanding[]
  /** Dead letters that nobody has decided about, or whose replay is under way. */
  readonly letters: readonly LettersStanding[]
  /** Undefined for a log without a disk of ours. */
  readonly space: LogSpace | undefined
  /** Connections to the database; none for an app without one. */
  readonly pools: readonly PoolStatus[]
  /** What the relay of this process saw last. Undefined where none relays, and for an outbox that was never used. */
  readonly outbox: OutboxStatus | undefined
  /** Of the groups that were ever replayed. None in a process that does not read of replays. */
  readonly replays: readonly ReplayStanding[]
}

export interface LettersStanding {
  readonly group: string
  readonly topic: string
  readonly open: number
  /** When the oldest of them died first, milliseconds since 1970. */
  readonly oldestAt: number | undefined
}

export interface TopicStanding {
  readonly topic: string
  readonly retentionMs: number | undefined
  /** Of the events that are kept; undefined for a log that is on no disk of ours. */
  readonly bytes: number | undefined
  readonly partitions: readonly (TopicPartition & { readonly start: bigint; readonly end: bigint })[]
}

/** Events that wait in the retry lanes of one topic of a group. */
export function parkedIn({ partitions }: GroupStatus, topic: string): number {
  return partitions.reduce((sum, at) => sum + (at.topic === topic ? at.parked : 0), 0)
}
