// oxlint-disable-next-line import/no-unassigned-import -- throws on an old Node, before the rest is loaded
import '../node-version.ts'
export { tokensFrom, type AccessToken } from './access.ts'
export { describeError } from './describe-error.ts'
export { endWithParent } from './end-with-parent.ts'
export { claimFolder, livingOwner, type FolderClaim } from './folder-claim.ts'
export { holdPort, type HeldPort } from './hold-port.ts'
export { startKafka, type LocalKafka, type LocalKafkaOptions } from './kafka/local-kafka.ts'
export { keepPostgres, type KeptPostgres, type KeptPostgresOptions } from './kept-postgres.ts'
export {
  abandonPostgres,
  removePostgres,
  startPostgres,
  type LocalPostgres,
  type LocalPostgresOptions,
} from './local-postgres.ts'
export { postgresFolder, type PostgresBinaries } from './postgres-binaries.ts'
export { outliveReaders } from './outlive-readers.ts'
export { portSetting } from './port-setting.ts'
export { processLogger, type ProcessLoggerOptions } from './process-logger.ts'
export { version } from '../version.ts'
export type { Role } from './app.ts'
export { run, type Run, type RunOptions } from './run.ts'
export { stopSignals, type StopSignals } from './stop-signals.ts'
