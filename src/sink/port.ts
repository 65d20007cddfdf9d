import type { Clock, Finding, Logger, Offset, Random, TopicPartition } from '../event/index.ts'
import type { Outbox } from './outbox.ts'

/**
 * The sink port: a database in which an event's effect, the proof that it was applied (the inbox row) and the proof
 * that this worker may do so (the fence) commit in one transaction. Every promise made here is stated once as a test
 * in `suite/`, which every driver runs.
 */
export interface Sink {
  /** The name of this dependency in breakers, metrics and messages. */
  readonly name: string
  /** How many transactions can run at once; concurrency above it only waits. */
  readonly maxConcurrent: number

  /** Makes the schema or brings it up to date, under a lock. Refuses one made by a newer version: `SINK_VERSION`. */
  migrate(): Promise<void>

  /** The cheapest question that shows whether the database works (`select 1`). Rejects when it does not. */
  probe(signal: AbortSignal): Promise<void>

  /**
   * Takes the lease of a partition: raises its epoch in the database and shuts out the former owner, also one that
   * is frozen in the middle of a transaction (its connection is terminated after `graceMs`). `confirm` is asked
   * after the former owner is shut out and before the new epoch commits; when it answers false, nothing changes and
   * `EPOCH_STALE` is thrown.
   *
   * `since`: the topic was deleted at this mark, which grows each time, and made again. What is known of the partition's
   * offsets from before it, in any generation, is forgotten, once for each mark; ids are not.
   */
  takeOver(scope: LeaseScope, confirm: () => Promise<boolean>, since?: bigint): Promise<Lease>

  /**
   * Runs `work` in one transaction that holds the fence and the inbox rows of `records`. Records that were applied
   * before are answered `duplicate` and are not shown to `work`; it gets the indices of those that are left, and is
   * not called when none is. All effects of the call commit together with their inbox rows.
   *
   * With several records, an error that one of them causes is found by bisecting with savepoints (so `work` may be
   * called several times for one record, each time after a rollback): the record is `failed`, later records of its
   * key in this call are `held`, and the others commit. A connection that dies while COMMIT is under way is run
   * again: the inbox answers.
   *
   * Rejects when the transaction as a whole could not be done: `SINK_FENCED`, the signal's reason, or the client's
   * own error for an outage. Delivering the same records again is then safe and answers what became of them: nothing
   * was applied, or, when the connection died under COMMIT and no new one could be made, all of it. With one record
   * its own error is answered as `failed`, not thrown, unless {@link isOutage} says that the database is the cause.
   *
   * An aborted signal ends the transaction at once, also under a handler that does not come back.
   */
  apply(
    lease: Lease,
    records: readonly SinkRecord[],
    options: ApplyOptions,
    work: SinkWork,
  ): Promise<readonly SinkOutcome[]>

  /**
   * Opens a new generation for a range of the lease's partition: its inbox is empty, so what is applied in it is applied
   * again. `reset` runs in the same transaction, under the fence: it takes back what the range had done before. Partitions
   * of one job get the same generation. A job that is known for this partition is answered as it is, and `reset` is not
   * called. Rejects with what `reset` threw, `SINK_FENCED`, or the client's own error for an outage; then nothing is done.
   */
  reprocess(
    lease: Lease,
    range: { readonly job: string; readonly from: Offset; readonly to: Offset },
    reset: (tx: Tx) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Reprocessed>

  /** Keeps how far a range has come, never back, and whether it is over. Under the fence: `SINK_FENCED`. */
  reprocessedTo(
    lease: Lease,
    job: string,
    progress: { readonly position: Offset; readonly isOver: boolean },
  ): Promise<void>

  /** What was ever reprocessed of a partition, oldest first. Of two ranges that overlap the later one counts. */
  reprocessed(scope: TopicPartition & Pick<InboxScope, 'group'>): Promise<readonly Reprocessed[]>

  /** The same lease, for the ids of another generation. */
  inGeneration(lease: Lease, generation: number): Promise<Lease>

  /**
   * What is known of records, one answer each, without applying anything and without a lease. It may be old before it
   * is used: an effect that is `missing` is applied by {@link Sink.apply}, which decides.
   */
  lookUp(
    scope: InboxScope,
    records: readonly Pick<SinkRecord, 'source' | 'id' | 'acceptedAt'>[],
    signal: AbortSignal,
  ): Promise<readonly Known[]>

  /**
   * From which accept time on (milliseconds since 1970) the inbox knows everything that the group applied. 0 when it has
   * forgotten nothing of it.
   */
  knownFrom(scope: InboxScope): Promise<number>

  /**
   * Gives everything that is known of a group another name: its leases, and its inbox in all generations. Answers
   * whether there was anything; when there was not, nothing is done. Who still writes under the old name is shut out by
   * the next take-over under the new one. Rejects with `GROUP_BOUND` when something is known under both.
   */
  renameGroup(from: string, to: string): Promise<boolean>

  /** Whether the error means that the database is away or overloaded, so that no event is to blame for it. */
  isOutage(error: unknown): boolean
  /** Whether the error means that this event can never succeed as it is (bad data, a broken constraint). */
  isBadData(error: unknown): boolean

  /**
   * Forgets the ids of days that lie wholly before `before` (milliseconds since 1970), but never of the time that the
   * driver is told to keep. The caller promises that no group will read a record accepted then for the first time;
   * one that comes nevertheless is answered `expired`.
   */
  prune(before: number): Promise<void>

  /** Optional power: events that commit with a business change. */
  readonly outbox?: Outbox

  /** How its connections are used right now, for a driver that has some. */
  pools?(): readonly PoolStatus[]

  /** Ends connections; work under way is cut off. Idempotent. */
  close(): Promise<void>
}

/** One set of connections: effects have their own, so that under load they keep no probe and no take-over waiting. */
export interface PoolStatus {
  readonly pool: string
  /** Connections in use and connections that wait to be used. */
  readonly busy: number
  readonly idle: number
  /** Transactions that wait for a connection. */
  readonly waiting: number
}

/** A database as it stands in a config: named and checked, not yet connected. What a driver's function gives. */
export interface Database {
  readonly kind: string
  /** Host and database, without user and password, for people. */
  readonly where: string
  /** Makes the client. Does not connect: a database that is away is no reason not to start. `SINK_PACKAGE_MISSING`. */
  open(env: SinkEnvironment): Promise<Sink>
  /** Looks at the server without changing it, for `holdfast doctor`: version, rights, settings. Rejects when it is not reached. */
  examine?(env: SinkEnvironment): Promise<readonly Finding[]>
}

export interface SinkEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Whose ids: each generation of a group has its own. */
export interface InboxScope {
  readonly group: string
  /** 0 until a replay reprocesses a range under a new one. */
  readonly generation: number
}

/** A range of a partition whose events have another generation. */
export interface Reprocessed {
  readonly job: string
  readonly generation: number
  readonly from: Offset
  /** Below it. */
  readonly to: Offset
  /** Everything of the range below it has its outcome, or waits in the retry lane. */
  readonly position: Offset
  /** It came to its end, or was cancelled: what comes next is live. */
  readonly isOver: boolean
}

export interface LeaseScope extends TopicPartition, InboxScope {
  /** Host, process and member, for people. */
  readonly owner: string
}

export interface Lease extends LeaseScope {
  readonly epoch: bigint
  /** Everything below it was applied before, also when its inbox rows are gone. Undefined: not known. */
  readonly appliedBelow: Offset | undefined
}

export interface SinkRecord {
  readonly source: string
  readonly id: string
  /** Accept time that the record carries, milliseconds since 1970: it chooses the inbox bucket. */
  readonly acceptedAt: number
  /** Its place in the partition of the lease. */
  readonly offset: Offset
  /** Records of one key stand in offset order; a failed one holds back the later ones. */
  readonly key: string | undefined
}

export interface ApplyOptions {
  /**
   * Every offset below it has a durable outcome. Kept from time to time as the applied offset: a lower bound. Undefined
   * for records of which offsets say nothing (an event that was dead and is replayed): nothing is kept, and a record
   * whose inbox bucket is gone is `expired`, wherever it stands. With `ids` only.
   */
  readonly appliedBelow: Offset | undefined
  /**
   * `offsets` writes no inbox rows: the applied offset alone answers. Only for work that is done in offset order, so
   * a record that fails holds back all later ones of the call, whatever their key.
   */
  readonly dedup: 'ids' | 'offsets'
  readonly signal: AbortSignal
}

/** `fresh` are the indices into `records` that must be done; `fail(i, error)` marks one of them as bad. */
export type SinkWork = (
  tx: Tx,
  fresh: readonly number[],
  fail: (index: number, error: unknown) => void,
) => Promise<void>

/** `unknown`: its inbox day is gone. */
export type Known = 'applied' | 'missing' | 'unknown'

export type SinkOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'duplicate' }
  /** This record's own fault; its effects and its inbox row were rolled back. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** Not done because an earlier record of its key in the same call failed or is expired. */
  | { readonly kind: 'held' }
  /** Its inbox bucket is gone, so nobody can know whether it was applied. */
  | { readonly kind: 'expired' }

/** The transaction as a handler sees it. It ends when the handler returns; keep nothing of it. */
export interface Tx {
  query<Row = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number }>
  /** The client's own connection, for query builders. Never commit, roll back or release it. */
  readonly raw: unknown
}
