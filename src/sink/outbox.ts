import type { Headers } from '../event/index.ts'
import type { Tx } from './port.ts'

/**
 * The outbox, an optional power of a sink: rows that commit together with a business change and are moved to the log
 * by one relay. Rows are inserted and deleted, never updated; the relay's position is kept apart from them.
 */
export interface Outbox {
  /**
   * Runs `work` in one transaction and resolves after its COMMIT. Rejects with what `work` threw, after a rollback;
   * with `SINK_ROLLED_BACK` when a failed statement was swallowed; and with `SINK_OUTCOME_UNKNOWN` when the connection
   * died while COMMIT was under way: it is never run again here, because nobody but the caller knows whether it may.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>, signal: AbortSignal): Promise<T>
  /** Writes a row in the caller's transaction. Nothing is visible to the relay before that commits. */
  add(tx: Tx, row: OutboxRow): Promise<void>

  /** Whether it ever held a row. */
  isUsed(): Promise<boolean>
  /**
   * Becomes the relay for `forMs`, or stays it. Undefined while another one is. Time is the database's.
   * Rejects with `OUTBOX_FENCE` when rows carry transaction ids of another cluster's future (see {@link rebase}).
   */
  lease(owner: string, forMs: number): Promise<RelayLease | undefined>
  /**
   * Rows behind the place of the lease whose transactions are over, with every transaction before them: no row that
   * commits later can come before one that was read. In the order (transaction, sequence).
   */
  read(after: OutboxPlace, limit: number): Promise<readonly PlacedRow[]>
  /** Moves the place of the relay. False when another relay has taken over: what it did is not this one's to change. */
  advance(lease: RelayLease, to: OutboxPlace): Promise<boolean>
  /** Ends the lease, so that a successor need not wait for its time to run out. */
  release(lease: RelayLease): Promise<void>
  /** Deletes at most `limit` moved rows older than `olderThanMs`. Answers how many. */
  clean(olderThanMs: number, limit: number): Promise<number>
  status(): Promise<OutboxStatus>
  /**
   * After a restore into another cluster: gives all rows that are kept a transaction id of this one, in their old order.
   * Those that were moved before go to the log once more, under their ids. Answers how many there are to move.
   */
  rebase(): Promise<number>
}

/** In the shape of Debezium's outbox event router, so that it can move the rows as well. */
export interface OutboxRow {
  readonly id: string
  /** The topic (`aggregatetype`). */
  readonly topic: string
  /** The key (`aggregateid`). Undefined for a topic without one. */
  readonly key: string | undefined
  readonly type: string
  /**
   * Grows with each change of the aggregate, given by the caller. Two transactions that change one aggregate may reach
   * the log in the other order than they committed in; a consumer that minds compares this.
   */
  readonly aggregateVersion: bigint | undefined
  /** JSON text, kept as it is. */
  readonly payload: string
  /** Headers of the record in the log. Undefined for a row that other software wrote. */
  readonly headers: Headers | undefined
}

/** Between two rows. Rows are ordered by the id of their transaction and then by a sequence. */
export interface OutboxPlace {
  readonly transaction: bigint
  readonly sequence: bigint
}

export interface PlacedRow extends OutboxRow {
  readonly place: OutboxPlace
  /** When the row was written, milliseconds since 1970 of the database. */
  readonly createdAt: number
}

export interface RelayLease {
  readonly owner: string
  readonly epoch: bigint
  readonly place: OutboxPlace
}

export interface OutboxStatus {
  /** Rows that are not in the log yet, counted up to {@link countedUpTo}. */
  readonly pending: number
  readonly countedUpTo: number
  /** When the oldest of them was written, milliseconds since 1970. */
  readonly oldestAt: number | undefined
  readonly owner: string | undefined
  /**
   * The oldest transaction that is still open and holds back committed rows behind it, wherever in the cluster it is.
   */
  readonly heldBackBy:
    { readonly pid: number | undefined; readonly name: string; readonly forMs: number } | undefined
}
