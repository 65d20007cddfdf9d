import { sleep, type Clock } from '../event/index.ts'

/** Lets at most `size` run at once; the others wait in the order in which they came. */
export interface Limiter {
  /** Answers the release, or undefined when `signal` aborted first. */
  enter(signal: AbortSignal): Promise<(() => void) | undefined>
}

export function limiter(size: number): Limiter {
  let running = 0
  const waiting = new Set<() => void>()
  const leave = (): void => {
    running -= 1
    const [next] = waiting
    if (next) {
      waiting.delete(next)
      next()
    }
  }
  return {
    async enter(signal) {
      while (running >= size && !signal.aborted) {
        await new Promise<void>(resolve => {
          const wake = (): void => {
            signal.removeEventListener('abort', abandon)
            resolve()
          }
          const abandon = (): void => {
            waiting.delete(wake)
            resolve()
          }
          waiting.add(wake)
          signal.addEventListener('abort', abandon, { once: true })
        })
      }
      if (signal.aborted) return undefined
      running += 1
      return leave
    },
  }
}

/** Spaces starts so that at most `perSecond` happen, without saving up for a burst. */
export function rateLimit(
  perSecond: number | undefined,
  clock: Clock,
): (count: number, signal: AbortSignal) => Promise<void> {
  if (perSecond === undefined) return () => Promise.resolve()
  let free = clock.monotonic()
  return async (count, signal) => {
    const now = clock.monotonic()
    const start = Math.max(now, free)
    free = start + (count * 1000) / perSecond
    if (start > now) await sleep(clock, start - now, signal)
  }
}

/** A door with reasons: open as long as nobody has a reason to keep it shut. */
export interface Gate {
  /** The reasons why it is shut, oldest first. */
  readonly reasons: readonly string[]
  shut(by: string, reason: string): void
  open(by: string): void
  /** Resolves when it is open, or when `signal` aborts. */
  passed(signal: AbortSignal): Promise<void>
}

export function gate(): Gate {
  const holders = new Map<string, string>()
  let opened = Promise.withResolvers<void>()
  return {
    get reasons() {
      return [...holders.values()]
    },
    shut(by, reason) {
      if (holders.size === 0) opened = Promise.withResolvers<void>()
      holders.set(by, reason)
    },
    open(by) {
      if (holders.delete(by) && holders.size === 0) opened.resolve()
    },
    async passed(signal) {
      while (holders.size > 0 && !signal.aborted) {
        const aborted = Promise.withResolvers<void>()
        const abort = (): void => aborted.resolve()
        signal.addEventListener('abort', abort, { once: true })
        await Promise.race([opened.promise, aborted.promise])
        signal.removeEventListener('abort', abort)
      }
    },
  }
}
