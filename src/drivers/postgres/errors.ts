import { HoldfastError, isHoldfastError } from '../../event/index.ts'

/** Whether the database is away or overloaded, so that no event is to blame. One reason a branch. */
export function isOutage(error: unknown): boolean {
  const { code, message } = read(error)
  if (code === undefined) return clientMessages.test(message)
  if (networkCodes.has(code)) return true
  if (!isSqlState(code)) return false
  const kind = code.slice(0, 2)
  return (
    kind === '08' || // the connection failed
    kind === '53' || // out of connections, memory or disk
    (kind === '57' && code !== '57014') || // shutting down or starting up; 57014 is a statement that was too slow
    kind === '28' || // the server refuses the user: nothing in an event
    kind === '58' || // the server's own files or I/O
    code === '3D000' || // the database does not exist (yet)
    code === '25006' // read only: a replica, during a failover
  )
}

/** Whether the values of this event can never be stored: wrong for their type, or against a constraint. */
export function isBadData(error: unknown): boolean {
  const { code } = read(error)
  return code !== undefined && isSqlState(code) && (code.startsWith('22') || code.startsWith('23'))
}

/** Errors that say "again": two transactions met. The same work may pass in a moment. */
export function isCollision(error: unknown): boolean {
  const { code } = read(error)
  return code === '40001' || code === '40P01' || code === '55P03'
}

/** SQLSTATEs of our own functions. */
export type OwnState = 'HF001' | 'HF002' | 'HF003' | 'HF004'

export function hasState(error: unknown, state: OwnState): boolean {
  return read(error).code === state
}

/** The inbox has no partition for the day. */
export function isMissingBucket(error: unknown): boolean {
  const { code, schema, table } = error as { code?: unknown; schema?: unknown; table?: unknown }
  return code === '23514' && schema === 'holdfast' && table === 'inbox'
}

/** Whether the server closed the connection with this error, or the client lost it. */
export function endsConnection(error: unknown): boolean {
  const { severity } = error as { severity?: unknown }
  return severity === 'FATAL' || severity === 'PANIC' || (!hasSqlState(error) && isOutage(error))
}

/**
 * The error without what the row held: PostgreSQL repeats values in `detail`, `where` and, for values that do not fit
 * their type, in the message. This is what may be stored, logged and shown. Errors of others pass as they are.
 */
export function describeDbError(error: unknown): unknown {
  if (isHoldfastError(error) || !hasSqlState(error)) return error
  const from = error as Error & Partial<Record<(typeof keptFields)[number], unknown>>
  const message = from.code?.toString().startsWith('22')
    ? from.message.replaceAll(/"[^"]*"/g, '"…"')
    : from.message
  const safe = new Error(message)
  safe.name = 'DatabaseError'
  safe.stack = (from.stack ?? '').replace(from.message, () => message)
  for (const field of keptFields) if (from[field] !== undefined) Object.assign(safe, { [field]: from[field] })
  return safe
}

const keptFields = [
  'code',
  'severity',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'routine',
] as const

export function fenced(
  scope: { topic: string; partition: number; group: string },
  epoch: bigint,
): HoldfastError {
  return new HoldfastError('SINK_FENCED', {
    detail: `${scope.group} ${scope.topic}/${scope.partition} epoch ${epoch}`,
    facts: { topic: scope.topic, partition: scope.partition, group: scope.group, epoch },
  })
}

/** What pg says without a code. */
const clientMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Client (was closed|has encountered a connection error) and is not queryable|Query read timeout)/

const networkCodes = new Set([
  'ECONNREFUSED', // stopped, or not started yet
  'ECONNRESET', // died, or a proxy cut the line
  'EPIPE', // same, noticed while writing
  'ETIMEDOUT', // no answer; also our own limit on a silent server
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND', // name resolution
  'EAI_AGAIN',
])

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !networkCodes.has(code)
}

function hasSqlState(error: unknown): boolean {
  const { code } = read(error)
  return code !== undefined && isSqlState(code)
}

function read(error: unknown): { code: string | undefined; message: string } {
  if (typeof error !== 'object' || error === null) return { code: undefined, message: '' }
  // Node answers a host with several addresses by an AggregateError, whose code is the first one's.
  const { code, message } = error as { code?: unknown; message?: unknown }
  return {
    code: typeof code === 'string' ? code : undefined,
    message: typeof message === 'string' ? message : '',
  }
}
