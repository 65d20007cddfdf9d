import { sleep, type Clock } from '../event/index.ts'

/** Lets at most `size` run at once; the others wait in the order in which they came. */
export interface Limiter {
  /** The release, or undefined when one would have to wait. */
  tryEnter(): (() => void) | undefined
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
  const tryEnter = (): (() => void) | undefined => {
    if (running >= size) return undefined
    running += 1
    return leave
  }
  return {
    tryEnter,
    async enter(signal) {
      if (signal.aborted) return undefined
      const free = tryEnter()
      if (free) return free
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

/** Spaces starts so that at most so many happen in a second, without saving up for a burst. */
export interface RateLimit {
  /** Whether `count` may start at once; they have then. */
  tryTake(count: number): boolean
  /** Waits until `count` may start, or until the abort. */
  take(count: number, signal: AbortSignal): Promise<void>
}

/** A timer may be that late; what was missed by it is caught up. */
const TIMER_SLACK_MS = 20

export function rateLimit(perSecond: number | undefined, clock: Clock): RateLimit {
  if (perSecond === undefined) return { tryTake: () => true, take: () => Promise.resolve() }
  let free = clock.monotonic()
  const reserve = (now: number, count: number): number => {
    const start = Math.max(now - TIMER_SLACK_MS, free)
    free = start + (count * 1000) / perSecond
    return start - now
  }
  return {
    tryTake(count) {
      const now = clock.monotonic()
      if (free > now) return false
      reserve(now, count)
      return true
    },
    async take(count, signal) {
      const wait = reserve(clock.monotonic(), count)
      if (wait > 0) await sleep(clock, wait, signal)
    },
  }
}

/** A door with reasons: open as long as nobody has a reason to keep it shut. */
export interface Gate {
  readonly isOpen: boolean
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
    get isOpen() {
      return holders.size === 0
    },
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
