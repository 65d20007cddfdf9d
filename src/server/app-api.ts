import type { HoldfastError, Clock, Duration, Logger, Random } from '../event/index.ts'
import type {
  ConsumeObserver,
  Consumer,
  ConsumerPolicy,
  GroupStatus,
  KeyedTopics,
  ReplayPlan,
} from '../consume/index.ts'
import type { CollectObserver, Collector, CollectorOptions, SpoolOptions } from '../collect/index.ts'
import type { Explanation, ExplainOptions } from '../explain/index.ts'
import type { LogDriver, LogSystem } from '../log/index.ts'
import type { PublishingTx, RelayState } from '../outbox/index.ts'
import type { Published, PublishOptions } from '../publish/index.ts'
import type { BreakerObserver, BreakerStatus, DeadLetters } from '../recover/index.ts'
import type { Database, OutboxStatus } from '../sink/index.ts'
import type { AnyTopic, EventOf, TypesOf } from '../schema/index.ts'
import type { AdminSource } from './admin.ts'
import type { Declared } from './declared.ts'
import type { ReplayJob, ReplayJobs, ReplayJobOptions } from './replays.ts'

export interface AppOptions {
  /** Names the app in sources of events, members and logs. */
  readonly name: string
  readonly log: LogDriver
  /** Where effects are written. Without it there are only `.on` handlers. */
  readonly db?: Database | undefined
  /** Says one line per change of state. Defaults to that of the start, and without one to silence. */
  readonly logger?: Logger | undefined
  /** What is measured. Defaults to nothing. */
  readonly observer?:
    (ConsumeObserver & { readonly breaker?: BreakerObserver; readonly collect?: CollectObserver }) | undefined
  /** How long a handler may go on after its deadline before the process ends. Defaults to `'10s'`. */
  readonly stuckAfter?: Duration | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/**
 * A value that holds what a process does: what it consumes and with which handlers. Nothing runs before
 * {@link App.start}. Moving to another log changes the `log` line and nothing else.
 */
export interface App<HasDatabase extends boolean> {
  readonly name: string
  /** Settles when the process can no longer be trusted and must end: a failed sync, a handler that never came back. */
  readonly failed: Promise<HoldfastError>
  /**
   * Appends one event; resolves after the durable write. Throws `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or `KEY_INVALID`
   * before anything is written.
   */
  publish<T extends AnyTopic, Type extends TypesOf<T>>(
    topic: T,
    type: Type,
    data: EventOf<T, Type>,
    options?: PublishOptions,
  ): Promise<Published>
  /**
   * Runs `work` in one transaction of the database. What it publishes through `tx` reaches the log if the transaction
   * commits, and never if it does not. Rejects with what `work` threw, with `SINK_ROLLED_BACK`, or with
   * `SINK_OUTCOME_UNKNOWN` when the connection died under COMMIT; it is never run a second time.
   */
  readonly transaction: HasDatabase extends true ? TransactionVerb : undefined
  /** The outbox of the app's database, for whoever operates it. */
  readonly outbox: OutboxControl
  /** Declares a consumer group on one topic or several. Its name is its identity: another name starts anew. */
  consumer<const T extends AnyTopic | readonly AnyTopic[], Needs extends string = never>(
    group: string,
    topics: T,
    policy: ConsumerPolicy<KeyedTopics<T>, Needs>,
  ): Consumer<T, HasDatabase>
  /**
   * Takes events over HTTP once the app runs. Options as {@link CollectorOptions}; `port` 0 takes any free port, `host`
   * defaults to 127.0.0.1. Without `port` nothing listens: mount {@link App.door} in a server of your own.
   */
  collector(options: AppCollectorOptions): void
  /** The collector once the app runs, with the port that it listens on. Throws without one. */
  readonly door: Collector & { readonly port: number | undefined }
  /**
   * Opens the log, declares the topics, joins the groups. The database may still be away, and so may a log on other
   * machines: groups then wait for it.
   */
  start(options?: StartOptions): Promise<void>
  /** Closes the door, drains handlers, commits, leaves, closes. The second call waits for the first. */
  stop(options?: StopOptions): Promise<void>
  groups(): Promise<readonly GroupStatus[]>
  breakers(): readonly BreakerStatus[]
  /** The acts of an operator on one breaker of this process, by the name in {@link App.breakers}. */
  breaker(name: string): BreakerControl
  /** What the admin side shows: readiness, metrics and the status page. */
  readonly admin: AdminSource
  group(name: string): GroupControl
  /**
   * The dead letters of a group: to see, edit, replay and discard them. Also of a group that runs in another process, or
   * that this app does not declare.
   */
  dead(group: string): DeadLetters
  /**
   * Where the event with this id is, and why: when it came, where it is durable, how far each group is with it, its
   * attempts, letter and effect, and what it caused. Reads durable records, so every process answers the same, but for
   * one thing: whether an event that is not settled is in work is known to the process that works on it.
   */
  explain(id: string, options?: ExplainOptions): Promise<Explanation>
  /**
   * Runs events again that a group was done with. Resolves when the wish is durable; the owners of the partitions do it
   * beside live events, in this process or another, also after a crash. With `dryRun` only what it would do is counted.
   * Rejects with `REPLAY_REFUSED` where nobody can know what is missing.
   */
  replay(group: string, options: ReplayJobOptions & { readonly dryRun: true }): Promise<ReplayPlan>
  replay(group: string, options: ReplayJobOptions & { readonly dryRun?: false }): Promise<ReplayJob>
  /** The replays of the log, whoever asked for them. */
  jobs(): ReplayJobs
  /** The open log, for what is built beside the groups. Throws before `start`. */
  readonly system: LogSystem
  /** What it was told to do so far. Throws `CONFIG_INVALID` for a group without a handler. */
  readonly declared: Declared
}

/** The acts of an operator on the outbox. Each rejects with `OUTBOX_MISSING` where there is none. */
export interface OutboxControl {
  status(): Promise<OutboxStatus>
  /** What the relay of this process does. Undefined in a process without that role. */
  relay(): RelayState | undefined
  /** After a restore into another cluster; see the error `OUTBOX_FENCE`. Answers how many rows there are to move. */
  rebase(): Promise<number>
}

export type TransactionVerb = <T>(work: (tx: PublishingTx) => Promise<T>) => Promise<T>

/** What a process of an app does. Several processes on one machine may share the log and split the work. */
export type Role = 'collector' | 'consumers' | 'relay'

export interface StartOptions {
  /**
   * Defaults to all. A process without `consumers` joins no group, one without `collector` listens on no port, and one
   * without `relay` leaves the outbox to others.
   */
  readonly roles?: readonly Role[] | undefined
  /** Told, beside the observer of the options, what the groups do: for a tool that runs an app that it did not make. */
  readonly observer?: ConsumeObserver | undefined
  /** For an app that names none: whoever runs it knows where its lines belong. */
  readonly logger?: Logger | undefined
  /** What the process that runs the app knows better than the collector's own options. */
  readonly door?: DoorSettings | undefined
}

export interface StopOptions {
  /** How long handlers may go on. Defaults to `'10s'`. */
  readonly drain?: Duration | undefined
  /** How long the collector serves on, not ready, so that load balancers notice. Defaults to its `lameDuckMs`. */
  readonly lameDuck?: Duration | undefined
}

export interface DoorSettings extends Pick<AppCollectorOptions, 'port'> {
  /** What changes the port, for people: `HOLDFAST_PORT`. */
  readonly setBy: string
}

export type AppCollectorOptions = Omit<
  CollectorOptions,
  'log' | 'spool' | 'dedup' | 'clock' | 'random' | 'logger' | 'observer'
> & {
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** Where events are kept while a log on other machines is away. For a log on this machine there is none. */
  readonly spool?: SpoolOptions | undefined
}

/** The acts of an operator on one breaker. */
export interface BreakerControl {
  /** Holds back all calls for so many milliseconds; then it is probed. */
  open(ms: number, reason: string): void
  /** Lets calls through without a probe. */
  close(reason: string): void
}

/** The acts of an operator on one group. */
export interface GroupControl {
  /**
   * Drains the group and keeps it from running, in all its processes and after their restarts, until {@link resume}.
   * Resolves when that is durable and this process has left the group; others leave it within seconds.
   */
  pause(reason: string): Promise<void>
  /** `allowDeadFor` lets events die for that long after a dead-letter flood. */
  resume(options?: { readonly allowDeadFor?: Duration }): Promise<void>
  /** Goes on behind events that retention deleted unread. The loss and the reason are logged. */
  acceptLoss(reason: string): Promise<number>
}
