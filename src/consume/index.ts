export type { AttemptResult, ConsumeObserver, DeathReason, FailureReason } from './observer.ts'
export type { GroupStatus, PartitionStatus } from './status.ts'
