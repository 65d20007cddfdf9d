import { RequestRefused } from './problems.ts'

/**
 * Counts the bytes of bodies that are being read or appended, all requests together. When the log stalls, this is what
 * fills up instead of the memory; and one tenant alone does not fill it up for the others.
 */
export interface InFlight {
  lease(tenant: string): Lease
  readonly bytes: number
}

/** One request's share. It is given back when its last user has let go of it. */
export interface Lease {
  /**
   * Refuses the request when all shares together would pass their limit (`not_stored`), or those of its tenant
   * (`rate_limited`).
   */
  grow(bytes: number): void
  shrink(bytes: number): void
  /** One user more, such as an append that goes on when the request is answered before it ends. */
  hold(): void
  /** One user less. The request itself is the first. */
  release(): void
}

export function inFlight(maxBytes: number, maxTenantBytes: number): InFlight {
  return new Flight(maxBytes, maxTenantBytes)
}

/** What is under way is answered, or refused, within seconds. */
const RETRY_AFTER_MS = 1_000

class Flight implements InFlight {
  readonly #maxBytes: number
  readonly #maxTenantBytes: number
  /** There are as many as the keys name. */
  readonly #tenants = new Map<string, number>()
  bytes = 0

  constructor(maxBytes: number, maxTenantBytes: number) {
    this.#maxBytes = maxBytes
    this.#maxTenantBytes = maxTenantBytes
  }

  lease(tenant: string): Lease {
    return new Share(this, tenant)
  }

  take(tenant: string, bytes: number): void {
    if (this.bytes + bytes > this.#maxBytes) {
      throw new RequestRefused({
        code: 'not_stored',
        detail: 'too many bytes are waiting for the log already',
      })
    }
    const ofTenant = (this.#tenants.get(tenant) ?? 0) + bytes
    if (ofTenant > this.#maxTenantBytes) {
      throw new RequestRefused({
        code: 'rate_limited',
        detail: `too many bytes of tenant ${tenant} are waiting for the log already`,
        limit: this.#maxTenantBytes,
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    this.#tenants.set(tenant, ofTenant)
    this.bytes += bytes
  }

  give(tenant: string, bytes: number): void {
    this.#tenants.set(tenant, (this.#tenants.get(tenant) ?? 0) - bytes)
    this.bytes -= bytes
  }
}

class Share implements Lease {
  readonly #flight: Flight
  readonly #tenant: string
  #bytes = 0
  #users = 1

  constructor(flight: Flight, tenant: string) {
    this.#flight = flight
    this.#tenant = tenant
  }

  grow(bytes: number): void {
    this.#flight.take(this.#tenant, bytes)
    this.#bytes += bytes
  }

  shrink(bytes: number): void {
    this.#flight.give(this.#tenant, bytes)
    this.#bytes -= bytes
  }

  hold(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0) this.shrink(this.#bytes)
  }
}
