import { HoldfastError, isHoldfastError } from '../../event/index.ts'

/**
 * What a failure of a request is made of: the broker's error ids (`NOT_LEADER_OR_FOLLOWER`), the codes of the client
 * (`PLT_KFK_NETWORK`) and of Node (`ECONNREFUSED`). The client nests them in lists of errors and in causes.
 */
export function errorIds(error: unknown): ReadonlySet<string> {
  const ids = new Set<string>()
  const seen = new Set<unknown>()
  const visit = (one: unknown): void => {
    if (typeof one !== 'object' || one === null || seen.has(one) || seen.size > MAX_NESTED) return
    seen.add(one)
    const { apiId, code, cause, errors } = one as Nested
    for (const id of [apiId, code]) if (typeof id === 'string') ids.add(id)
    visit(cause)
    if (Array.isArray(errors)) errors.forEach(visit)
  }
  visit(error)
  return ids
}

interface Nested {
  readonly apiId?: unknown
  readonly code?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
  readonly response?: unknown
  readonly message?: unknown
  readonly serverErrorMessage?: unknown
}

const MAX_NESTED = 1_000

/** The answer of a request that failed in part: each part says what became of it. Undefined when there was none. */
export function partialReply<Reply>(error: unknown): Reply | undefined {
  return (error as Nested | null)?.response as Reply | undefined
}

/** The error of each part of it, by the path at which the client puts it. */
export function errorsByPath(error: unknown): ReadonlyMap<string, unknown> {
  const { errors } = error as { readonly errors?: readonly { readonly path?: string }[] }
  return new Map((errors ?? []).map(one => [one.path ?? '', one]))
}

export function hasId(error: unknown, ...ids: readonly string[]): boolean {
  const found = errorIds(error)
  return ids.some(id => found.has(id))
}

/** The broker did not answer: it is away, hangs, or the line was cut. What was asked may have been done. */
export function isNetwork(error: unknown): boolean {
  return hasId(error, 'PLT_KFK_NETWORK', 'PLT_KFK_TIMEOUT') && !isAuthentication(error)
}

/** Another broker leads the partition, or none does yet: look again who it is. */
export function isLeadershipMoved(error: unknown): boolean {
  return hasId(error, ...leadershipMoved)
}

export const leadershipMoved: readonly string[] = [
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'OFFSET_NOT_AVAILABLE',
]

/** Who are you: the login or the certificate was refused, or the broker wants TLS and got none. */
export function isAuthentication(error: unknown): boolean {
  return hasId(
    error,
    'PLT_KFK_AUTHENTICATION',
    'SASL_AUTHENTICATION_FAILED',
    'UNSUPPORTED_SASL_MECHANISM',
    'ILLEGAL_SASL_STATE',
  )
}

/** You may not: an ACL is missing. */
export function isAuthorization(error: unknown): boolean {
  return hasId(
    error,
    'TOPIC_AUTHORIZATION_FAILED',
    'GROUP_AUTHORIZATION_FAILED',
    'CLUSTER_AUTHORIZATION_FAILED',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  )
}

export function isTopicUnknown(error: unknown): boolean {
  return hasId(
    error,
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INCONSISTENT_TOPIC_ID',
    'INVALID_TOPIC_EXCEPTION',
    'LOG_TOPIC_UNKNOWN',
  )
}

/** What was tried, and what has to be granted for it when the broker says that it may not be. */
export interface Attempt {
  /** `append to topic orders`. */
  readonly doing: string
  /** `Write on topic orders`. */
  readonly grant: string
}

/** What a failed request means for whoever asked. Errors of ours pass as they are. */
export function kafkaError(error: unknown, { doing, grant }: Attempt): HoldfastError {
  if (isHoldfastError(error)) return error
  const because = withHint(reason(error))
  const told = (code: 'LOG_DENIED' | 'LOG_TOPIC_UNKNOWN' | 'LOG_STALLED', detail: string): HoldfastError =>
    new HoldfastError(code, { detail, cause: error, facts: { kafka: [...errorIds(error)] } })
  if (isAuthorization(error))
    return told('LOG_DENIED', `cannot ${doing}: the user may not; grant ${grant} (${because})`)
  if (isAuthentication(error))
    return told(
      'LOG_DENIED',
      `cannot ${doing}: the brokers refuse the login; look at sasl and tls (${because})`,
    )
  if (hasId(error, ...tlsCodes) || /requires TLS|TLS handshake/.test(because))
    return told('LOG_DENIED', `cannot ${doing}: the brokers and this client do not agree on TLS (${because})`)
  if (isTopicUnknown(error)) return told('LOG_TOPIC_UNKNOWN', `cannot ${doing}: ${because}`)
  return told('LOG_STALLED', `cannot ${doing}: ${because}`)
}

/** What a broker says to whom it does not want to talk to: nothing. */
function withHint(because: string): string {
  if (!because.includes('Connection closed')) return because
  return `${because}; if that is so each time, the broker wants TLS, a login or a certificate that it did not get`
}

/** What Node says of a certificate. */
const tlsCodes = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'EPROTO',
]

/** The innermost words: outer errors of the client only say that something failed. */
function reason(error: unknown): string {
  const words = new Set<string>()
  const visit = (one: unknown, depth: number): void => {
    if (typeof one !== 'object' || one === null || depth > MAX_DEPTH) return
    const { errors, cause, apiId, message, serverErrorMessage } = one as Nested
    const inner: readonly unknown[] = [...(Array.isArray(errors) ? (errors as unknown[]) : []), cause]
    const before = words.size
    for (const next of inner) visit(next, depth + 1)
    if (words.size > before || words.size >= MAX_REASONS) return
    const said = [apiId, serverErrorMessage ?? message].filter(
      part => typeof part === 'string' && part !== '',
    )
    if (said.length > 0) words.add(said.join(': '))
  }
  visit(error, 0)
  return [...words].slice(0, MAX_REASONS).join('; ') || String(error)
}

const MAX_DEPTH = 10
const MAX_REASONS = 3
