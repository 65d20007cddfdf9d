import { build, type Histogram } from 'hdr-histogram-js'
import type { Percentiles } from '../contract/result.ts'

/** Milliseconds in, percentiles out: microseconds inside, up to an hour, three digits, whatever the number of values. */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HOUR_US,
    numberOfSignificantValueDigits: 3,
  })

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(HOUR_US, Math.max(1, Math.round(ms * 1000))))
  }

  reset(): void {
    this.#histogram.reset()
  }

  percentiles(): Percentiles {
    const count = this.#histogram.totalCount
    const ms = (p: number): number => (count === 0 ? 0 : this.#histogram.getValueAtPercentile(p) / 1000)
    return { count, p50: ms(50), p95: ms(95), p99: ms(99), p999: ms(99.9), max: ms(100) }
  }
}

const HOUR_US = 3_600_000_000
