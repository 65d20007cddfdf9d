import type { Clock, Logger, LogRecord, Random } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import type { OutboxContext } from '../outbox/index.ts'
import type { Publisher } from '../publish/index.ts'
import type { Dependency, FloodGuard } from '../recover/index.ts'
import type { Sink } from '../sink/index.ts'
import type { Admission } from './admission.ts'
import type { Received } from './handlers.ts'
import type { Gate, Limiter } from './limits.ts'
import type { ConsumeObserver } from './observer.ts'
import type { GroupSettings, Handler } from './settings.ts'
import type { Troubles } from './troubles.ts'

/** What all partitions of a group in this process share. */
export interface GroupContext {
  readonly settings: GroupSettings
  readonly log: Log
  readonly sink: Sink | undefined
  /** Brings the schema of the sink up to date, once for the process. */
  readonly prepareSink: () => Promise<void>
  readonly publisher: Publisher
  /** For what handlers publish within their transaction. */
  readonly outbox: OutboxContext
  /** CloudEvents source of what the group publishes. */
  readonly source: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly troubles: Troubles
  readonly observer: ConsumeObserver
  /** Everything that must work before an attempt is made. The last one stands for what nobody declared. */
  readonly dependencies: readonly Dependency[]
  readonly undeclared: Dependency
  readonly admission: Admission
  /** Of all groups of the process: one entry of a retry lane that a process has died of runs at a time. */
  readonly suspects: Limiter
  /** A mark that grows each time when somebody deletes the topic; undefined for one that nobody has deleted. */
  readonly deletedAt: (topic: string) => bigint | undefined
  /** Shut while the group is paused as a whole. */
  readonly gate: Gate
  readonly guard: FloodGuard
  /** How long a handler may go on after its deadline before the process gives itself up. */
  readonly stuckAfterMs: number
  /** Ends the process: something here can no longer be trusted. */
  readonly fatal: (error: unknown) => void
}

/** An event on its way through the pipeline. */
export interface Task {
  readonly record: LogRecord
  /** As the first attempt gets it. */
  readonly event: Received | undefined
  readonly handler: Handler | undefined
  /** Failed attempts so far. An outage is none. */
  readonly attempts: number
  /** The message of the last of them. */
  readonly lastError: string | undefined
  /** How often its dead letter was replayed, for an event of the retry lane; undefined for one of the topic. */
  readonly round: number | undefined
  /** A batch failed as a whole, so nobody knows which of its events it was: this one is tried alone. */
  alone: boolean
  /** It cannot be read: it dies without being tried. */
  readonly fate: { readonly reason: DeathReason; readonly error: unknown } | undefined
}

export type DeathReason = Parameters<NonNullable<ConsumeObserver['deadLettered']>>[0]['reason']
