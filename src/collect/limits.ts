import { HoldfastError } from '../event/index.ts'

/** Every bound of the collector. `GET /v1/limits` shows what is in force. */
export interface CollectorLimits {
  /** One event, its attributes included. Raising it makes lanes and batches hold more. Defaults to 256 KiB. */
  readonly maxEventBytes: number
  /** Events in one JSON array. Defaults to 1,000. */
  readonly maxEvents: number
  /** A body as sent, NDJSON apart. Defaults to 5 MiB. */
  readonly maxBodyBytes: number
  /** A body once unpacked, NDJSON apart. Defaults to 20 MiB. */
  readonly maxInflatedBytes: number
  /** Unpacked bytes for each byte sent; a body is stopped while it is unpacked. Defaults to 100. */
  readonly maxInflateRatio: number
  /** An NDJSON body, as sent and once unpacked. Defaults to 64 MiB. */
  readonly maxNdjsonBytes: number
  /** Lines of an NDJSON body. The answer names each one, so this bounds its size too. Defaults to 50,000. */
  readonly maxNdjsonLines: number
  /** Lines that are appended at once. Defaults to 500. */
  readonly ndjsonChunkLines: number
  /** Arrays and objects within each other, the event itself included. Defaults to 32. */
  readonly maxDepth: number
  /** The request target. Defaults to 8 KiB. */
  readonly maxUrlBytes: number
  /** All header lines together. Defaults to 16 KiB. */
  readonly maxHeaderBytes: number
  /** Time for the header lines to arrive. Defaults to 10 s. */
  readonly headerTimeoutMs: number
  /** Time without a byte of the body. Defaults to 10 s. */
  readonly bodyIdleTimeoutMs: number
  /** Time for the whole request to arrive. Defaults to 30 s. */
  readonly requestTimeoutMs: number
  /** A body that after `bodyIdleTimeoutMs` has come slower than this is ended. Defaults to 256 B/s. */
  readonly minBodyBytesPerSecond: number
  /** A connection without a request is closed after this. Defaults to 65 s, above the usual 60 s of a load balancer. */
  readonly keepAliveTimeoutMs: number
  /** Open connections; further ones are closed at once. Defaults to 10,000. */
  readonly maxConnections: number
  /** Bytes of bodies that are read or appended now, unpacked ones included; above it the answer is 503. Defaults to 256 MiB. */
  readonly maxInFlightBytes: number
  /**
   * Of these, those of one tenant where the keys are of several; above it the answer to this tenant is 429. Defaults to
   * half of `maxInFlightBytes`.
   */
  readonly maxTenantInFlightBytes: number
  /** How long an append is waited for before the answer is `outcome_unknown`. It goes on by itself. Defaults to 15 s. */
  readonly appendTimeoutMs: number
  /** Events a second of a key that names no rate. Defaults to 50,000. */
  readonly keyEventsPerSecond: number
  /** Unpacked bytes of bodies a second, of all keys of a tenant together. Defaults to 64 MiB. */
  readonly tenantBytesPerSecond: number
}

const KiB = 1024
const MiB = 1024 * KiB

const defaults: Omit<CollectorLimits, 'maxTenantInFlightBytes'> = Object.freeze({
  maxEventBytes: 256 * KiB,
  maxEvents: 1_000,
  maxBodyBytes: 5 * MiB,
  maxInflatedBytes: 20 * MiB,
  maxInflateRatio: 100,
  maxNdjsonBytes: 64 * MiB,
  maxNdjsonLines: 50_000,
  ndjsonChunkLines: 500,
  maxDepth: 32,
  maxUrlBytes: 8 * KiB,
  maxHeaderBytes: 16 * KiB,
  headerTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  minBodyBytesPerSecond: 256,
  keepAliveTimeoutMs: 65_000,
  maxConnections: 10_000,
  maxInFlightBytes: 256 * MiB,
  appendTimeoutMs: 15_000,
  keyEventsPerSecond: 50_000,
  tenantBytesPerSecond: 64 * MiB,
})

/**
 * Fills in the defaults. Throws `CONFIG_INVALID` for a limit that is not a whole number above 0, and for limits that
 * contradict each other.
 */
export function resolveCollectorLimits(given: Partial<CollectorLimits> = {}): CollectorLimits {
  const all = { ...defaults, ...given }
  const half = Math.max(all.maxInflatedBytes, Math.ceil(all.maxInFlightBytes / 2))
  const limits: CollectorLimits = { maxTenantInFlightBytes: half, ...all }
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in defaults) && name !== 'maxTenantInFlightBytes') refuse(`limits.${name} is not a limit`)
    if (!Number.isSafeInteger(value) || value < 1)
      refuse(`limits.${name} must be a whole number above 0, got ${value}`)
  }
  const atMost = (low: keyof CollectorLimits, high: keyof CollectorLimits): void => {
    if (limits[low] > limits[high])
      refuse(`limits.${low} (${limits[low]}) must be at most limits.${high} (${limits[high]})`)
  }
  atMost('maxEventBytes', 'maxBodyBytes')
  atMost('maxBodyBytes', 'maxInflatedBytes')
  atMost('maxInflatedBytes', 'maxInFlightBytes')
  atMost('maxInflatedBytes', 'maxTenantInFlightBytes')
  atMost('headerTimeoutMs', 'requestTimeoutMs')
  return Object.freeze(limits)
}

function refuse(detail: string): never {
  throw new HoldfastError('CONFIG_INVALID', { detail: `collector: ${detail}` })
}
