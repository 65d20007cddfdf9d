import type { Clock } from '../event/index.ts'
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

/**
 * Reads a body within its bounds of size, unpacked size, ratio and time, and hands on the unpacked bytes. Refuses with
 * `body_too_large`, `inflate_limit`, `encoding_broken`, `request_timeout`, or with what `onBytes` threw.
 */
export async function readBody(
  inbound: Inbound,
  bounds: BodyBounds,
  limits: ReadLimits,
  clock: Clock,
  onBytes: (bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const declared = Number(inbound.header('content-length') ?? 0)
  if (declared > bounds.maxBytes) throw tooLarge(bounds.maxBytes)
  const unpack =
    bounds.encoding === 'identity'
      ? undefined
      : inflater(bounds.encoding, bounds.maxInflatedBytes, limits.maxInflateRatio, onBytes)
  const watch = watchArrival(limits, clock)
  let received = 0
  try {
    const read = inbound.read(chunk => {
      received += chunk.length
      if (received > bounds.maxBytes) throw tooLarge(bounds.maxBytes)
      if (watch.over) throw watch.refusal()
      const work = unpack ? unpack.write(chunk) : onBytes(chunk)
      return watch.arrived(chunk.length, work)
    })
    read.catch(() => {}) // when the watch ends the race first, nobody waits for it any more
    await Promise.race([read, watch.late])
    await unpack?.end()
  } finally {
    watch.stop()
    unpack?.close()
  }
}

/** All of a body in one buffer, its bytes counted in the lease as they come. */
export async function readWhole(
  inbound: Inbound,
  bounds: BodyBounds,
  limits: ReadLimits,
  clock: Clock,
  lease: Lease,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  await readBody(inbound, bounds, limits, clock, bytes => {
    lease.grow(bytes.length)
    chunks.push(bytes)
  })
  const [only] = chunks
  if (only && chunks.length === 1) return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
  return Buffer.concat(chunks)
}

/**
 * Ends a body that stops coming, comes too slowly, or takes too long in all. Time that we hold it back ourselves, while
 * lines are appended, is not the sender's.
 */
function watchArrival(
  limits: ReadLimits,
  clock: Clock,
): {
  readonly late: Promise<never>
  readonly over: boolean
  arrived(bytes: number, work: void | Promise<void>): void | Promise<void>
  refusal(): RequestRefused
  stop(): void
} {
  const { bodyIdleTimeoutMs, requestTimeoutMs, minBodyBytesPerSecond } = limits
  const late = Promise.withResolvers<never>()
  late.promise.catch(() => {}) // nobody may be racing with it
  const startedAt = clock.monotonic()
  let lastAt = startedAt
  let received = 0
  let holding = 0
  let reason: string | undefined

  const judge = (): string | undefined => {
    const now = clock.monotonic()
    const elapsed = now - startedAt - holding
    if (elapsed >= requestTimeoutMs) return `the body was not complete after ${requestTimeoutMs} ms`
    if (now - lastAt >= bodyIdleTimeoutMs) return `no byte came for ${bodyIdleTimeoutMs} ms`
    if (elapsed >= bodyIdleTimeoutMs && received < (minBodyBytesPerSecond * elapsed) / 1000)
      return `the body came slower than ${minBodyBytesPerSecond} bytes a second`
    return undefined
  }
  const refusal = (): RequestRefused =>
    new RequestRefused({ code: 'request_timeout', detail: reason ?? 'the body came too late' })
  let busy = false
  const everyMs = Math.max(1, Math.ceil(Math.min(bodyIdleTimeoutMs, requestTimeoutMs) / 4))
  const look = (): void => {
    reason = busy ? undefined : judge()
    if (reason === undefined) cancel = clock.after(everyMs, look)
    else late.reject(refusal())
  }
  let cancel = clock.after(everyMs, look)

  return {
    late: late.promise,
    get over() {
      return reason !== undefined
    },
    refusal,
    arrived(bytes, work) {
      received += bytes
      const from = clock.monotonic()
      lastAt = from
      if (!work) return
      busy = true
      return work.finally(() => {
        busy = false
        lastAt = clock.monotonic()
        holding += lastAt - from
      })
    },
    stop: () => cancel(),
  }
}

function tooLarge(limit: number): RequestRefused {
  return new RequestRefused({
    code: 'body_too_large',
    detail: `the body has more than ${limit} bytes`,
    limit,
  })
}
