// oxlint-disable-next-line import/no-unassigned-import -- throws on an old Node, before the rest is loaded
import './node-version.ts'
export {
  makeKey,
  type AcceptCheck,
  type AcceptQuestion,
  type AcceptVerdict,
  type AliasOptions,
  type Collector,
  type CollectorLimits,
  type CollectorOptions,
  type CollectorReadiness,
  type CollectObserver,
  type KeyOptions,
} from './collect/index.ts'
export type {
  BatchOptions,
  ConsumeObserver,
  Consumer,
  ConsumerPolicy,
  GroupStatus,
  HandlerContext,
  Need,
  PartitionStatus,
  Received,
  ReplayPlan,
  Reset,
  ResetRange,
  Verdict,
} from './consume/index.ts'
export { embedded, type EmbeddedOptions } from './drivers/embedded/index.ts'
export {
  kafka,
  type KafkaCompression,
  type KafkaGroupOptions,
  type KafkaOptions,
  type KafkaReplication,
  type KafkaSasl,
  type KafkaTls,
} from './drivers/kafka/index.ts'
export { memory } from './drivers/memory/index.ts'
export { postgres, type PostgresOptions } from './drivers/postgres/index.ts'
export {
  errorCatalogue,
  HoldfastError,
  isHoldfastError,
  type Duration,
  type ErrorCode,
  type Logger,
  type Rate,
} from './event/index.ts'
export type { Explanation, ExplainOptions } from './explain/index.ts'
export type { LogDriver } from './log/index.ts'
export type { OutboxOptions, PublishingTx } from './outbox/index.ts'
export type { Published, PublishOptions } from './publish/index.ts'
export type {
  ActOptions,
  ActReport,
  BreakerOptions,
  BreakerStatus,
  CauseReport,
  DeadLetters,
  Edit,
  EditLettersOptions,
  EditReport,
  Letter,
  LetterDetail,
  LetterDiff,
  LetterFilter,
  LetterStats,
  ReplayOptions,
  ReplayReport,
  ReplayState,
  Selection,
  SelectionReport,
} from './recover/index.ts'
export { topic, type EventOf, type Topic } from './schema/index.ts'
export {
  app,
  type App,
  type AppCollectorOptions,
  type AppOptions,
  type GroupControl,
  type Role,
  type StartOptions,
} from './server/app.ts'
export type { ReplayJob, ReplayJobOptions, ReplayJobs } from './server/replays.ts'
export type { Database, Tx } from './sink/index.ts'
