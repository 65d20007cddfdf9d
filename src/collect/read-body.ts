import type { Clock } from '../event/index.ts'
import { deadlines } from './deadlines.ts'
import type { Inbound } from './exchange.ts'
import type { Lease } from './in-flight.ts'
import type { CollectorLimits } from './limits.ts'
import { inflater, type ContentEncoding } from './inflate.ts'
import { RequestRefused } from './problems.ts'

export interface BodyBounds {
  readonly encoding: ContentEncoding
  /** Bytes as sent. */
  readonly maxBytes: number
  /** Bytes once unpacked. */
  readonly maxInflatedBytes: number
}

type ReadLimits = Pick<
  CollectorLimits,
  'bodyIdleTimeoutMs' | 'requestTimeoutMs' | 'minBodyBytesPerSecond' | 'maxInflateRatio'
>

/** Reads bodies within their bounds of size, unpacked size, ratio and time. */
export interface BodyReader {
  /**
   * Hands on the unpacked bytes as they come. Refuses with `body_too_large`, `inflate_limit`, `encoding_broken`,
   * `request_timeout`, or with what `onBytes` threw.
   */
  read(
    inbound: Inbound,
    bounds: BodyBounds,
    onBytes: (bytes: Uint8Array) => void | Promise<void>,
  ): Promise<void>
  /** All of a body in one buffer, its bytes counted in the lease as they come. */
  whole(inbound: Inbound, bounds: BodyBounds, lease: Lease): Promise<Buffer>
  close(): void
}

export function bodyReader(limits: ReadLimits, clock: Clock): BodyReader {
  const looks = deadlines(Math.min(limits.bodyIdleTimeoutMs, limits.requestTimeoutMs) / 4, clock)

  const read: BodyReader['read'] = async (inbound, bounds, onBytes) => {
    const declared = Number(inbound.header('content-length') ?? 0)
    if (declared > bounds.maxBytes) throw tooLarge(bounds.maxBytes)
    const unpack =
      bounds.encoding === 'identity'
        ? undefined
        : inflater(bounds.encoding, bounds.maxInflatedBytes, limits.maxInflateRatio, onBytes)
    const arrival = new Arrival(limits, clock)
    let received = 0
    const look = (): void => {
      const fault = arrival.fault()
      if (fault === undefined) wait = looks.start(look)
      else inbound.breakOff(new RequestRefused({ code: 'request_timeout', detail: fault }))
    }
    let wait = looks.start(look)
    try {
      await inbound.read(chunk => {
        received += chunk.length
        if (received > bounds.maxBytes) throw tooLarge(bounds.maxBytes)
        return arrival.came(chunk.length, unpack ? unpack.write(chunk) : onBytes(chunk))
      })
      await unpack?.end()
    } finally {
      wait.end()
      unpack?.close()
    }
  }

  return {
    read,
    async whole(inbound, bounds, lease) {
      const chunks: Uint8Array[] = []
      await read(inbound, bounds, bytes => {
        lease.grow(bytes.length)
        chunks.push(bytes)
      })
      const [only] = chunks
      if (only && chunks.length === 1) return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
      return Buffer.concat(chunks)
    },
    close: () => looks.close(),
  }
}

/**
 * How a body comes: whether it stopped, is too slow, or takes too long in all. Time that we hold it back ourselves,
 * while lines are appended, is not the sender's.
 */
class Arrival {
  readonly #limits: ReadLimits
  readonly #clock: Clock
  readonly #startedAt: number
  #lastAt: number
  #received = 0
  #heldMs = 0
  #holding = false

  constructor(limits: ReadLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#startedAt = this.#lastAt = clock.monotonic()
  }

  came(bytes: number, work: void | Promise<void>): void | Promise<void> {
    this.#received += bytes
    const from = (this.#lastAt = this.#clock.monotonic())
    if (!work) return
    this.#holding = true
    return work.finally(() => {
      this.#holding = false
      this.#lastAt = this.#clock.monotonic()
      this.#heldMs += this.#lastAt - from
    })
  }

  /** Why the body is not waited for any longer. */
  fault(): string | undefined {
    return this.#holding ? undefined : this.#judge()
  }

  #judge(): string | undefined {
    const { bodyIdleTimeoutMs, requestTimeoutMs, minBodyBytesPerSecond } = this.#limits
    const now = this.#clock.monotonic()
    const elapsed = now - this.#startedAt - this.#heldMs
    if (elapsed >= requestTimeoutMs) return `the body was not complete after ${requestTimeoutMs} ms`
    if (now - this.#lastAt >= bodyIdleTimeoutMs) return `no byte came for ${bodyIdleTimeoutMs} ms`
    if (elapsed >= bodyIdleTimeoutMs && this.#received < (minBodyBytesPerSecond * elapsed) / 1000)
      return `the body came slower than ${minBodyBytesPerSecond} bytes a second`
    return undefined
  }
}

function tooLarge(limit: number): RequestRefused {
  return new RequestRefused({
    code: 'body_too_large',
    detail: `the body has more than ${limit} bytes`,
    limit,
  })
}
