import process from 'node:process'
import { watchCost } from './process-cost.ts'

/** What a program of the benchmark says when it is done. */
export interface Outcome {
  readonly events: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly rssAnonMiB: number
  /** Bytes on the disk for these events. */
  readonly bytes?: number
}

/** Runs inside a measured program: from the moment when its warm-up is over to the moment when it is done. */
export function stopwatch(): { stop(events: number): Outcome } {
  const cost = watchCost('self')
  const began = performance.now()
  return {
    stop: events => ({ events, seconds: (performance.now() - began) / 1000, ...cost.stop() }),
  }
}

/** The argument that the runner gave to this program. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Tells the runner. */
export function tell(message: unknown): void {
  process.send?.(message)
}
