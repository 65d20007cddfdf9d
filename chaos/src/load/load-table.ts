import type { Percentiles } from '../contract/result.ts'
import type { LoadTally } from './tally.ts'

/** What `holdfast load` prints: the sums, why, and latencies from the moment at which an event was due. */
export function loadTable(tally: LoadTally): string {
  const { planned, sent, unsent, accepted, refused, unanswered } = tally.sums
  const { latency, answers } = { latency: tally.latency(), answers: tally.answers }
  const lines = [
    `planned     ${count(planned)}  = sent ${plain(sent)} + unsent ${plain(unsent)}`,
    `sent        ${count(sent)}  = accepted ${plain(accepted)} + refused ${plain(refused)} + unanswered ${plain(unanswered)}`,
    `accepted    ${percentiles(latency.accepted)}`,
    `failed      ${percentiles(latency.failed)}`,
    `answers     ${Object.entries(answers)
      .map(([why, times]) => `${why}: ${plain(times)}`)
      .join(', ')}`,
    `rate        ${count(tally.acceptedPerSecond)}  accepted a second, up to the last answer`,
    `failing     ${count(tally.errorSeconds)}  seconds in which somebody was turned away`,
    `behind      ${count(tally.behindMs)}  ms at most was this generator behind its schedule; part of every latency`,
  ]
  return `${lines.join('\n')}\n`
}

function percentiles({ count: of, p50, p95, p99, p999, max }: Percentiles): string {
  if (of === 0) return count(0)
  const figures = { p50, p95, p99, 'p99.9': p999, max }
  const texts = Object.entries(figures).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 2 : 0)}`)
  return `${count(of)}  ms after it was due: ${texts.join('  ')}`
}

function count(value: number): string {
  return plain(value).padStart(9)
}

function plain(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}
