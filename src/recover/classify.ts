import { isHoldfastError } from '../event/index.ts'

/**
 * What an error says about who is to blame, before anybody is asked. Foreign errors are read by code, never by text.
 */
export type Blame =
  /** The database: this event is innocent. */
  | { readonly kind: 'sink' }
  /** Something behind the network, or our own log: innocent as well, but which it is must be found out. */
  | { readonly kind: 'network' }
  /** This event can never succeed as it is. */
  | { readonly kind: 'data' }
  /** Nobody knows: a failed attempt, unless a dependency turns out to be away. */
  | { readonly kind: 'unknown' }

/** What the classifier asks of a sink. */
interface Judge {
  isOutage(error: unknown): boolean
  isBadData(error: unknown): boolean
}

export function classify(error: unknown, sink: Judge | undefined): Blame {
  // The transaction's own statements speak first: SQLSTATE is the most exact word there is.
  if (sink?.isBadData(error)) return { kind: 'data' }
  if (hasSqlState(error) && sink?.isOutage(error)) return { kind: 'sink' }
  // Our own log is full, closing or away: an event that publishes another waits for it.
  if (isHoldfastError(error, 'LOG_FULL', 'LOG_STALLED', 'LOG_DENIED', 'LOG_CLOSED', 'LOG_FAILED'))
    return { kind: 'network' }
  // Connection codes look alike for a database and for any other service; a ping tells them apart.
  if (isNetworkError(error)) return { kind: 'network' }
  if (sink?.isOutage(error)) return { kind: 'sink' }
  return { kind: 'unknown' }
}

/** Errors of sockets and name resolution, and HTTP answers that say "not now". */
export function isNetworkError(error: unknown): boolean {
  for (const e of causes(error)) {
    if (typeof e.code === 'string' && networkCodes.has(e.code)) return true
    const status = e.status ?? e.statusCode
    if (status === 502 || status === 503 || status === 504) return true
  }
  return false
}

const networkCodes = new Set([
  'ECONNREFUSED', // nobody listens: stopped, or not started yet
  'ECONNRESET', // the peer died or closed under us
  'EPIPE', // same, noticed while writing
  'ETIMEDOUT', // no answer to packets
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND', // name not known: also what a resolver says while it starts
  'EAI_AGAIN', // resolver away
  'UND_ERR_CONNECT_TIMEOUT', // fetch of Node
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
])

interface Coded {
  readonly code?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
}

/** The error and its causes (`fetch` hides the socket's error in `cause`), at most five deep; all of an AggregateError. */
function* causes(error: unknown): Generator<Coded> {
  let current: unknown = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    yield current
    if (current instanceof AggregateError) {
      for (const one of current.errors) if (typeof one === 'object' && one !== null) yield one as Coded
    }
    current = (current as { cause?: unknown }).cause
  }
}

function hasSqlState(error: unknown): boolean {
  const code = (error as Coded | null | undefined)?.code
  // Every SQLSTATE has a digit; EPIPE, of the same length, has none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
}
