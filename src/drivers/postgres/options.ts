import { HoldfastError, parseDuration, type Duration } from '../../event/index.ts'

export interface PostgresOptions {
  /** Its name in breakers, metrics and messages; two databases of one app need two. Defaults to `postgres`. */
  readonly name?: string
  /**
   * Effects that run at once. More use more of the server's `max_connections`; two further connections take over
   * partitions and probe. Defaults to 10.
   */
  readonly maxConnections?: number
  /** How long one attempt to connect may take. Defaults to `'5s'`. */
  readonly connectTimeout?: Duration
  /** The server ends a statement, or a transaction that waits for its handler, after this. Defaults to `'30s'`. */
  readonly statementTimeout?: Duration
  /** How long a statement may wait for a lock, also for another transaction with the same event. Defaults to `'5s'`. */
  readonly lockTimeout?: Duration
  /**
   * How long a take-over waits for the former owner's transactions before it terminates their connections. Higher
   * spares work that would have finished; lower brings a partition with a frozen owner back sooner. Defaults to
   * `'500ms'`.
   */
  readonly takeOverGrace?: Duration
  /**
   * A producer that sends one id again within this time is applied once. Each hour costs a second inbox row for a
   * twenty-fourth of the events. At most `'1d'`. Defaults to `'1h'`.
   */
  readonly retryWindow?: Duration
  /** Inbox ids are never pruned before this age. A day costs about 105 bytes an event. Defaults to `'2d'`. */
  readonly inboxKept?: Duration
}

export interface ResolvedPostgresOptions {
  readonly name: string
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly takeOverGraceMs: number
  readonly retryWindowMs: number
  readonly inboxKeptMs: number
}

export const DAY_MS = 86_400_000

export function resolvePostgresOptions(options: PostgresOptions = {}): ResolvedPostgresOptions {
  const resolved = {
    name: options.name ?? 'postgres',
    maxConnections: options.maxConnections ?? 10,
    connectTimeoutMs: parseDuration(options.connectTimeout ?? '5s', 'connectTimeout'),
    statementTimeoutMs: parseDuration(options.statementTimeout ?? '30s', 'statementTimeout'),
    lockTimeoutMs: parseDuration(options.lockTimeout ?? '5s', 'lockTimeout'),
    takeOverGraceMs: parseDuration(options.takeOverGrace ?? '500ms', 'takeOverGrace'),
    retryWindowMs: parseDuration(options.retryWindow ?? '1h', 'retryWindow'),
    inboxKeptMs: parseDuration(options.inboxKept ?? '2d', 'inboxKept'),
  }
  check(/^[a-z][a-z0-9_-]{0,62}$/.test(resolved.name), 'name', 'a short lower-case name', resolved.name)
  inRange('maxConnections', resolved.maxConnections, 1, 1000)
  inRange('connectTimeout', resolved.connectTimeoutMs, 1, DAY_MS)
  inRange('statementTimeout', resolved.statementTimeoutMs, 1, DAY_MS)
  // The server reads 0 as "no limit" for all of these.
  inRange('lockTimeout', resolved.lockTimeoutMs, 1, resolved.statementTimeoutMs)
  inRange('takeOverGrace', resolved.takeOverGraceMs, 1, resolved.statementTimeoutMs)
  inRange('retryWindow', resolved.retryWindowMs, 0, DAY_MS)
  inRange('inboxKept', resolved.inboxKeptMs, DAY_MS, 1000 * DAY_MS)
  return resolved
}

function inRange(option: string, value: number, min: number, max: number): void {
  check(Number.isInteger(value) && value >= min && value <= max, option, `from ${min} to ${max}`, value)
}

function check(ok: boolean, option: string, bound: string, value: string | number): void {
  if (ok) return
  throw new HoldfastError('CONFIG_INVALID', { detail: `postgres: ${option} must be ${bound}, got ${value}` })
}
