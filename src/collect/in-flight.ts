import { RequestRefused } from './problems.ts'

/**
 * Counts the bytes of bodies that are being read or appended, all requests together. When the log stalls, this is what
 * fills up instead of the memory.
 */
export interface InFlight {
  lease(): Lease
  readonly bytes: number
}

/** One request's share. */
export interface Lease {
  /** Refuses the request with `not_stored` when all shares together would pass the limit. */
  grow(bytes: number): void
  shrink(bytes: number): void
  /** Gives everything back, after what was handed to {@link Lease.until} has settled. */
  release(): void
  /** The bytes are in use until this settles, even when the request is answered before. */
  until(work: Promise<unknown>): void
}

export function inFlight(maxBytes: number): InFlight {
  let total = 0
  return {
    get bytes() {
      return total
    },
    lease() {
      let own = 0
      let users = 1
      const leave = (): void => {
        users--
        if (users > 0) return
        total -= own
        own = 0
      }
      return {
        grow(bytes) {
          if (total + bytes > maxBytes) {
            throw new RequestRefused({
              code: 'not_stored',
              detail: 'too many bytes are waiting for the log already',
            })
          }
          total += bytes
          own += bytes
        },
        shrink(bytes) {
          total -= bytes
          own -= bytes
        },
        release: leave,
        until(work) {
          users++
          work.then(leave, leave)
        },
      }
    },
  }
}
