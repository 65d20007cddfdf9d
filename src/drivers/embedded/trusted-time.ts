import type { Clock } from '../../event/index.ts'

/**
 * Wall-clock milliseconds that never run ahead of the time since the start: a clock that is set forward by a day must
 * not make fresh records a day old. Set back it counts as it says. After a jump forward that was right (the machine
 * slept), things are deleted late, until the next start; never early.
 */
export function trustedTime(clock: Clock): () => number {
  const startedAt = clock.now()
  const startedMonotonic = clock.monotonic()
  return () => Math.min(clock.now(), startedAt + (clock.monotonic() - startedMonotonic) + STEP_MS)
}

/** Small corrections of the clock are followed. */
const STEP_MS = 60_000
