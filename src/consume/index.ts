export { GroupDeclaration, PROBE_TIMEOUT_MS, type GroupParts } from './group.ts'
export type { GroupRunner } from './group-runner.ts'
export type {
  BatchOptions,
  Consumer,
  ConsumerPolicy,
  HandlerContext,
  KeyedTopics,
  Need,
  Received,
  Reset,
  ResetRange,
  Verdict,
} from './handlers.ts'
export type {
  AttemptResult,
  Completed,
  ConsumeObserver,
  DeathReason,
  FailureReason,
  ReplayResult,
} from './observer.ts'
export { limiter } from './limits.ts'
export { readEvent } from './read-event.ts'
export { DATABASE, type GroupSettings } from './settings.ts'
export type { GroupStatus, PartitionStatus } from './status.ts'
export {
  fillRanges,
  planReplay,
  reprocessRanges,
  type PlanCounts,
  type ReplayPlan,
  type ReplayScope,
} from './replay/index.ts'
