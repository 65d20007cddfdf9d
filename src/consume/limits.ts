import { sleep, type Clock } from '../event/index.ts'

/** Lets at most `size` run at once; the others wait in the order in which they came. */
export interface Limiter {
  /** Answers the release, or undefined when `signal` aborted first. */
  enter(signal: AbortSignal): Promise<(() => void) | undefined>
}

export function limiter(size: number): Limiter {
  let running = 0
  const waiting = new Set<Waiter>()
  /** Hands the place to the next, so that nobody who comes meanwhile takes it. */
  const leave = (): void => {
    const [next] = waiting
    if (next) settle(next, true)
    else running -= 1
  }
  const settle = (waiter: Waiter, entered: boolean): void => {
    waiting.delete(waiter)
    waiter.settle(entered)
  }
  // One listener for each signal, not for each that waits: a signal walks through all it has at every change.
  const watched = new WeakSet<AbortSignal>()
  const watch = (signal: AbortSignal): void => {
    if (watched.has(signal)) return
    watched.add(signal)
    const giveUp = (): void =>
      [...waiting].filter(waiter => waiter.signal === signal).forEach(waiter => settle(waiter, false))
    signal.addEventListener('abort', giveUp, { once: true })
  }
  return {
    async enter(signal) {
      if (signal.aborted) return undefined
      if (running < size) {
        running += 1
        return leave
      }
      watch(signal)
      const entered = await new Promise<boolean>(settle => waiting.add({ signal, settle }))
      if (!entered) return undefined
      if (!signal.aborted) return leave
      // 1. It was given the place. 2. Its signal aborted. 3. Only now does it run.
      leave()
      return undefined
    },
  }
}

interface Waiter {
  readonly signal: AbortSignal
  settle(entered: boolean): void
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
