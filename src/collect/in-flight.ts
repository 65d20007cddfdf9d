import { RequestRefused } from './problems.ts'

/**
 * Counts the bytes of bodies that are being read or appended, all requests together. When the log stalls, this is what
 * fills up instead of the memory.
 */
export interface InFlight {
  lease(): Lease
  readonly bytes: number
}

/** One request's share. It is given back when its last user has let go of it. */
export interface Lease {
  /** Refuses the request with `not_stored` when all shares together would pass the limit. */
  grow(bytes: number): void
  shrink(bytes: number): void
  /** One user more, such as an append that goes on when the request is answered before it ends. */
  hold(): void
  /** One user less. The request itself is the first. */
  release(): void
}

export function inFlight(maxBytes: number): InFlight {
  return new Flight(maxBytes)
}

class Flight implements InFlight {
  readonly #maxBytes: number
  bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  lease(): Lease {
    return new Share(this)
  }

  take(bytes: number): void {
    if (this.bytes + bytes > this.#maxBytes) {
      throw new RequestRefused({
        code: 'not_stored',
        detail: 'too many bytes are waiting for the log already',
      })
    }
    this.bytes += bytes
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}

class Share implements Lease {
  readonly #flight: Flight
  #bytes = 0
  #users = 1

  constructor(flight: Flight) {
    this.#flight = flight
  }

  grow(bytes: number): void {
    this.#flight.take(bytes)
    this.#bytes += bytes
  }

  shrink(bytes: number): void {
    this.#flight.give(bytes)
    this.#bytes -= bytes
  }

  hold(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0) this.shrink(this.#bytes)
  }
}
