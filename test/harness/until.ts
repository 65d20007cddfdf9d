import { setTimeout as wait } from 'node:timers/promises'

/** Far above what a noisy machine needs, so that only a hang meets it. */
const LIMIT_MS = 60_000

/** Asks again and again until the answer is not undefined or false, and answers it. A failed question counts as "not yet". */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs: number = LIMIT_MS,
): Promise<T> {
  const end = performance.now() + limitMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`, { cause: last })
    await wait(50)
  }
}
