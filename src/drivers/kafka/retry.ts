import { sleep, type Clock, type Random } from '../../event/index.ts'

/** Waits before the next try: longer each time up to a second, and never all at the same moment. */
export function backOff(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  tries: number,
  signal: AbortSignal,
): Promise<void> {
  const ms = Math.min(FIRST_MS * 2 ** tries, LONGEST_MS)
  return sleep(clock, ms * (0.5 + random() / 2), signal)
}

const FIRST_MS = 50
const LONGEST_MS = 1_000
