import { setTimeout as wait } from 'node:timers/promises'

/** Seconds since the load of arms that run together began. */
export interface GroupClock {
  seconds(): number
  /** Resolves at that second, or at once when the run is interrupted. */
  waitUntil(second: number): Promise<void>
}

export function groupClock(seconds: () => number, signal: AbortSignal): GroupClock {
  return {
    seconds,
    async waitUntil(second) {
      while (!signal.aborted) {
        const ms = (second - seconds()) * 1000
        if (ms <= 0) return
        await wait(Math.max(1, ms), undefined, { signal }).catch(() => {})
      }
    },
  }
}
