import type { ProgressSample } from '../group-progress.ts'

/** When a group will have caught up, if everything goes on as it did between two moments. */
export interface DrainForecast {
  /**
   * `keeps up`: what waits is a second of its own work at most, as always while events come in. `never`: not at this rate,
   * because it does no more than what arrives.
   */
  readonly kind: 'caught up' | 'keeps up' | 'drains' | 'never' | 'unknown'
  /** Only of one that drains. */
  readonly seconds: number | null
  readonly donePerSecond: number | null
  readonly arrivingPerSecond: number | null
  /** What it was measured over. */
  readonly overSeconds: number | null
}

/** Below this, a rate says nothing. */
const MIN_SECONDS = 1

/** `lag` is as of `now`. `before`: as long ago as is known, undefined where nothing is. */
export function forecast(
  lag: number,
  now: ProgressSample,
  before: ProgressSample | undefined,
): DrainForecast {
  const overSeconds = before === undefined ? 0 : (now.at - before.at) / 1_000
  if (before === undefined || overSeconds < MIN_SECONDS) {
    const nothing = { seconds: null, donePerSecond: null, arrivingPerSecond: null, overSeconds: null }
    return { kind: lag === 0 ? 'caught up' : 'unknown', ...nothing }
  }
  // A reset moved the position back meanwhile: nothing was done in that time that could be counted.
  const donePerSecond = Math.max(0, Number(now.committed - before.committed)) / overSeconds
  const arrivingPerSecond = Math.max(0, Number(now.end - before.end)) / overSeconds
  const rates = { donePerSecond, arrivingPerSecond, overSeconds }
  if (lag === 0) return { kind: 'caught up', seconds: null, ...rates }
  if (lag <= donePerSecond) return { kind: 'keeps up', seconds: null, ...rates }
  const gained = donePerSecond - arrivingPerSecond
  return gained > 0
    ? { kind: 'drains', seconds: lag / gained, ...rates }
    : { kind: 'never', seconds: null, ...rates }
}
