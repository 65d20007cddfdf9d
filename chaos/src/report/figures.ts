import type { ArmResult, Percentiles } from '../contract/result.ts'
import { bytes, count, millis, seconds } from './readable.ts'

/** One measure of an arm: how it is read, shown and judged. The report and `chaos compare` use the same list. */
export interface FigureOf {
  readonly label: string
  readonly hint?: string
  /** `null` when the arm has no such figure. */
  readonly read: (arm: ArmResult) => number | null
  readonly show: (value: number) => string
  /** Something that must not be, whatever the arm. */
  readonly isBad?: (value: number) => boolean
}

export interface FigureGroup {
  readonly title: string
  readonly figures: readonly FigureOf[]
}

const some = (value: number): boolean => value > 0

const counted = (
  label: string,
  read: (counts: ArmResult['counts']) => number,
  more: Partial<FigureOf> = {},
): FigureOf => ({ label, read: arm => read(arm.counts), show: count, ...more })

export const figureGroups: readonly FigureGroup[] = [
  {
    title: 'What customers saw',
    figures: [
      counted('Planned', counts => counts.planned),
      counted('Sent', counts => counts.sent),
      counted('Never sent', counts => counts.unsent, { hint: 'the generator had too many under way' }),
      counted('Answered 2xx', counts => counts.accepted),
      counted('Refused', counts => counts.refused),
      counted('No answer', counts => counts.unanswered, { hint: 'time-outs and broken connections' }),
      { label: 'Seconds with an error', read: arm => arm.errorSeconds, show: value => `${count(value)} s` },
      {
        label: 'Sends for each event',
        hint: 'amplification by retries',
        read: arm => arm.amplification,
        show: times,
      },
    ],
  },
  { title: 'Answer time, successes', figures: percentileFigures('success', arm => arm.latency.accepted) },
  { title: 'Answer time, failures', figures: percentileFigures('failure', arm => arm.latency.failed) },
  {
    title: 'What became of what was accepted',
    figures: [
      counted('Stored', counts => counts.stored),
      counted('Lost', counts => counts.lost, { hint: 'answered 2xx, and nowhere', isBad: some }),
      counted('Doubled', counts => counts.doubled, { hint: 'applied more than once', isBad: some }),
      counted('Ghosts', counts => counts.ghosts, {
        hint: 'stored, though never sent or refused',
        isBad: some,
      }),
      counted('Altered', counts => counts.altered, { hint: 'other bytes than were sent', isBad: some }),
      counted('Inversions', counts => counts.inversions, { hint: 'out of order within a key', isBad: some }),
      counted('Sums that differ', counts => counts.aggregates, {
        hint: 'aggregates against what the events should have added',
        isBad: some,
      }),
      counted('Dead letters', counts => counts.dead),
      counted('Still waiting', counts => counts.pending, { hint: 'when the run ended' }),
      counted('Stored without an answer', counts => counts.storedUnanswered, { hint: 'as they may be' }),
    ],
  },
  {
    title: 'Recovery',
    figures: [
      {
        label: 'Time to first success',
        hint: 'from the end of the fault',
        read: arm => arm.firstSuccessAfterFault,
        show: seconds,
      },
      {
        label: 'Time to drain',
        hint: 'from the end of the fault, or of the busiest phase',
        read: arm => arm.drainedAfterFault,
        show: seconds,
      },
      { label: 'Peak of waiting events', read: arm => arm.peakLag, show: count },
    ],
  },
  {
    title: 'How far to believe it',
    figures: [
      {
        label: 'Generator behind its schedule',
        hint: 'at most; it is part of every answer time',
        read: arm => arm.behindMs,
        show: millis,
      },
    ],
  },
  {
    title: 'Cost of its processes, without database and load',
    figures: [
      { label: 'CPU time', read: arm => arm.cost.cpuSeconds, show: seconds },
      { label: 'Largest RSS', read: arm => arm.cost.rssBytes, show: bytes },
    ],
  },
]

function percentileFigures(kind: string, of: (arm: ArmResult) => Percentiles): FigureOf[] {
  const one = (label: string, pick: (percentiles: Percentiles) => number): FigureOf => ({
    label: `${label}, ${kind}`,
    read: arm => (of(arm).count === 0 ? null : pick(of(arm))),
    show: millis,
  })
  return [
    one('p50', p => p.p50),
    one('p95', p => p.p95),
    one('p99', p => p.p99),
    one('p99.9', p => p.p999),
    one('Slowest', p => p.max),
  ]
}

function times(value: number): string {
  return `${value.toLocaleString('en-US', { maximumFractionDigits: 2 })} ×`
}
