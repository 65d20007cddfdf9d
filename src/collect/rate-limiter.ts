import type { Clock } from '../event/index.ts'

/**
 * A bucket that fills with `perSecond` tokens a second up to one second's worth. A request is let in while any token is
 * left and may then take more than there are: what it owes is waited for by the next one. So the mean holds, and a
 * batch larger than the bucket is not refused for ever.
 */
export interface RateLimiter {
  readonly perSecond: number
  /** Milliseconds until a request would be let in; 0 when it is let in now. */
  waitMs(): number
  take(tokens: number): void
  /** Tokens left, never below 0. */
  left(): number
}

export function rateLimiter(perSecond: number, clock: Pick<Clock, 'monotonic'>): RateLimiter {
  let tokens = perSecond
  let filledAt = clock.monotonic()
  const fill = (): void => {
    const now = clock.monotonic()
    tokens = Math.min(perSecond, tokens + ((now - filledAt) / 1000) * perSecond)
    filledAt = now
  }
  return {
    perSecond,
    waitMs() {
      fill()
      return tokens > 0 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000)
    },
    take(taken) {
      tokens -= taken
    },
    left: () => Math.max(0, Math.floor(tokens)),
  }
}
