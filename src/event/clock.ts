/**
 * Time and randomness as arguments. Nothing outside the edge reads `Date.now`, `setTimeout` or `Math.random`,
 * so a fault found with a seed can be replayed from it.
 */
export interface Clock {
  /** Wall-clock milliseconds since 1970. May jump; order nothing by it. */
  now(): number
  /**
   * Milliseconds of the machine's clock that never goes backwards. All durations and time-outs are measured by it.
   * Processes of one boot may compare its values.
   */
  monotonic(): number
  /** Calls `fn` once after `ms`; the answer cancels it. */
  after(ms: number, fn: () => void): () => void
}

/** A source of uniform numbers in [0, 1). */
export type Random = () => number

export const systemClock: Clock = {
  now: () => Date.now(),
  // Not performance.now(): that counts from the start of the process.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or at once when `signal` aborts: whoever sleeps looks at the signal next anyway. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/**
 * Resolves when everything else of the process that is due has had its turn. Whoever works through a backlog without
 * ever waiting asks for it now and then: promises alone never let timers and sockets in.
 */
export function othersTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** A small seeded generator (mulberry32) for tests and for jitter that can be replayed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const pool = new Uint32Array(256)
let unread = 0

/** Uniform numbers from the system's cryptographic generator, 32 bits each. */
export const systemRandom: Random = () => {
  if (unread === 0) {
    crypto.getRandomValues(pool)
    unread = pool.length
  }
  return (pool[--unread] ?? 0) / 4294967296
}
