import type { Inbound } from './exchange.ts'
import type { KeyRing } from './keys.ts'

const REQUEST_HEADERS =
  'authorization, content-type, content-encoding, collector-sent-at, idempotency-key, traceparent, x-api-key, x-correlation-id'
const EXPOSED_HEADERS = 'collector-durability, location, ratelimit, ratelimit-policy, retry-after'
/** Browsers keep a preflight for at most two hours. */
const PREFLIGHT_SECONDS = '7200'

/**
 * Headers that let a page read the answer: its one origin is echoed, credentials are never allowed. An origin that no
 * key names gets none. Whether the key of this request may be used from there is decided with the key.
 */
export function corsHeaders(inbound: Inbound, keys: KeyRing): Record<string, string> {
  const origin = inbound.header('origin')
  if (origin === undefined) return {}
  if (!keys.allowsOrigin(origin)) return { vary: 'origin' }
  return {
    vary: 'origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS,
  }
}

/** What a preflight is answered in addition. */
export function preflightHeaders(methods: readonly string[]): Record<string, string> {
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': PREFLIGHT_SECONDS,
  }
}
