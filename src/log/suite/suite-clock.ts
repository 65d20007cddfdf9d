import { systemClock, type Clock } from '../../event/index.ts'

/** The system's clocks, shifted at will, and one view of them for each simulated process, which can be stopped for ever. */
export class SuiteClock {
  #wallShift = 0
  #monotonicShift = 0

  now(): number {
    return Math.floor(systemClock.now() + this.#wallShift)
  }

  /** Somebody sets the wall clock, also backwards. */
  shiftWall(ms: number): void {
    this.#wallShift += ms
  }

  /** Time passes at once for whoever looks at the monotonic clock. Timers under way are not hurried. */
  skip(ms: number): void {
    this.#monotonicShift += ms
  }

  /** Time passes at once, on both clocks: what a log may delete by. A wall clock that was only set proves no age. */
  pass(ms: number): void {
    this.shiftWall(ms)
    this.skip(ms)
  }

  process(): Clock & { stop(): void } {
    const timers = new Set<() => void>()
    const monotonic = (): number => systemClock.monotonic() + this.#monotonicShift
    let stopped = false
    let stoppedAt = 0
    return {
      now: () => this.now(),
      // What was under way when it died may still end, but must not look like a sign of life from later.
      monotonic: () => (stopped ? stoppedAt : monotonic()),
      after(ms, fn) {
        if (stopped) return () => {}
        const cancel = systemClock.after(ms, () => {
          timers.delete(cancel)
          fn()
        })
        timers.add(cancel)
        return () => {
          timers.delete(cancel)
          cancel()
        }
      },
      stop() {
        stopped = true
        stoppedAt = monotonic()
        for (const cancel of timers) cancel()
      },
    }
  }
}
