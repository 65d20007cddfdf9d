import type { Clock } from '../event/index.ts'

/** A clock that stands until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Lets `ms` pass: timers fire in order of their time, each after what the one before started has come to rest
   * (promises, not I/O).
   */
  advance(ms: number): Promise<void>
}

/** Several of them made by one call of {@link VirtualClock.view} tell the same time; a stopped one fires nothing. */
export interface ClockView extends Clock {
  /** As SIGSTOP: timers that come due wait for {@link resume}. */
  stop(): void
  resume(): void
}

interface Timer {
  readonly due: number
  readonly fn: () => void
  readonly runs: () => boolean
}

export function virtualClock(start: number = Date.UTC(2026, 0, 1)): VirtualClock & { view(): ClockView } {
  let elapsed = 0
  const timers = new Set<Timer>()

  const after = (ms: number, fn: () => void, runs: () => boolean): (() => void) => {
    const timer = { due: elapsed + Math.max(0, ms), fn, runs }
    timers.add(timer)
    return () => timers.delete(timer)
  }
  const next = (until: number): Timer | undefined =>
    [...timers]
      .filter(({ due, runs }) => due <= until && runs())
      .reduce<Timer | undefined>(
        (first, timer) => (first && first.due <= timer.due ? first : timer),
        undefined,
      )

  const now = (): number => start + elapsed
  const monotonic = (): number => elapsed
  return {
    now,
    monotonic,
    after: (ms, fn) => after(ms, fn, () => true),
    async advance(ms) {
      const until = elapsed + ms
      await atRest()
      for (let timer = next(until); timer; timer = next(until)) {
        elapsed = Math.max(elapsed, timer.due)
        timers.delete(timer)
        timer.fn()
        await atRest()
      }
      elapsed = until
    },
    view() {
      let stopped = false
      return {
        now,
        monotonic,
        after: (ms, fn) => after(ms, fn, () => !stopped),
        stop: () => void (stopped = true),
        resume: () => void (stopped = false),
      }
    },
  }
}

/** After all promises that are ready, and those that they make ready. */
function atRest(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
