import type { Clock } from '../event/index.ts'

/**
 * Many short waits of one length with one timer: nearly all are over long before their deadline, and a timer for each
 * would cost more than what it guards.
 */
export interface Deadlines {
  /** Calls `late` once when `ms` have passed, at most a quarter later, unless the answer was called before. */
  start(late: () => void): () => void
  /** Forgets all of them. */
  close(): void
}

export function deadlines(ms: number, clock: Clock): Deadlines {
  // In order of their deadlines, because all are of one length.
  const waits = new Set<{ readonly at: number; readonly late: () => void }>()
  const everyMs = Math.max(1, Math.ceil(ms / 4))
  let disarm: (() => void) | undefined
  const look = (): void => {
    const now = clock.monotonic()
    for (const wait of waits) {
      if (wait.at > now) break
      waits.delete(wait)
      wait.late()
    }
    disarm = waits.size > 0 ? clock.after(everyMs, look) : undefined
  }
  return {
    start(late) {
      const wait = { at: clock.monotonic() + ms, late }
      waits.add(wait)
      disarm ??= clock.after(everyMs, look)
      return () => void waits.delete(wait)
    },
    close() {
      waits.clear()
      disarm?.()
      disarm = undefined
    },
  }
}
