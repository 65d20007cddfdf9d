import type { Clock, Logger, Random } from '../../event/index.ts'
import type { Lease } from '../../sink/index.ts'
import type { Connections } from './connections.ts'
import type { ResolvedPostgresOptions } from './options.ts'

/** What every part of an open sink works with. */
export interface Driver {
  readonly connections: Connections
  readonly options: ResolvedPostgresOptions
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Begins a transaction with its limits; see {@link beginText}. */
  readonly beginText: string
  /** How long a short statement of our own may take, the connection included. */
  readonly limitMs: number
}

/** The lease as this driver hands it out: with the numbers that stand for its names in the database. */
export interface PostgresLease extends Lease {
  readonly lease: number
  readonly grp: number
  /** Days of the inbox that were dropped for this group. */
  pruned: ReadonlySet<number>
  /** When the applied offset was last written, on the monotonic clock. */
  notedAt: number
}

/**
 * `set local` rather than start-up options, which poolers refuse. The connection check ends the statement of a client
 * that hung up; it is what makes an aborted signal stop work in the server.
 */
export function beginText(options: ResolvedPostgresOptions): string {
  const limits = {
    lock_timeout: options.lockTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    client_connection_check_interval: 500,
  }
  const settings = Object.entries(limits).map(([name, ms]) => `set local ${name} = ${ms}`)
  return ['begin isolation level read committed', ...settings].join('; ')
}
