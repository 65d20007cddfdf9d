import type { Series } from '../contract/result.ts'

type Value = number | null

/**
 * A series with one point for every `seconds`. Counts become the average a second, CPU the average, rows the last value,
 * and everything that hurts (percentiles, lag, breaker, letters, memory) the worst of the span, so that no peak is lost.
 */
export function coarser(series: Series, seconds: number): Series {
  if (seconds === 1) return series
  const spans = spansOf(series.second, seconds)
  const over = <T, R>(values: readonly T[], pick: (span: readonly T[]) => R): R[] =>
    spans.map(([from, to]) => pick(values.slice(from, to)))
  return {
    second: spans.map(([from]) => series.second[from] ?? 0),
    accepted: over(series.accepted, average).map(orZero),
    refused: over(series.refused, average).map(orZero),
    unanswered: over(series.unanswered, average).map(orZero),
    unsent: over(series.unsent, average).map(orZero),
    p50: over(series.p50, largest),
    p99: over(series.p99, largest),
    rows: over(series.rows, last),
    lag: over(series.lag, largest),
    lagSeconds: over(series.lagSeconds, largest),
    breaker: over(series.breaker, worst),
    deadLetters: over(series.deadLetters, largest),
    retrying: over(series.retrying, largest),
    cpu: over(series.cpu, average),
    rssBytes: over(series.rssBytes, largest),
  }
}

/** Where each span begins and ends, as positions in `second`. */
function spansOf(second: readonly number[], seconds: number): (readonly [number, number])[] {
  const starts = second.flatMap((at, index) => {
    const before = second[index - 1]
    return before === undefined || Math.floor(at / seconds) !== Math.floor(before / seconds) ? [index] : []
  })
  return starts.map((from, index) => [from, starts[index + 1] ?? second.length] as const)
}

const known = (span: readonly Value[]): number[] => span.filter(value => value !== null)
const orZero = (value: Value): number => value ?? 0

function average(span: readonly Value[]): Value {
  const values = known(span)
  if (values.length === 0) return null
  return Math.round((values.reduce((sum, value) => sum + value, 0) / values.length) * 100) / 100
}

function largest(span: readonly Value[]): Value {
  return known(span).reduce<Value>((most, value) => (most === null || value > most ? value : most), null)
}

function last(span: readonly Value[]): Value {
  return known(span).at(-1) ?? null
}

type Breaker = Series['breaker'][number]

function worst(span: readonly Breaker[]): Breaker {
  return (['OPEN', 'HALF_OPEN', 'CLOSED'] as const).find(state => span.includes(state)) ?? null
}
