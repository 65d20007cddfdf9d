import type {
  ArmResult,
  Counts,
  FaultResult,
  Percentiles,
  PhaseResult,
  Result,
  Series,
  TimelineEvent,
} from '../src/contract/result.ts'
import { seededRandom, type Random } from '../../src/event/index.ts'

export interface SampleOptions {
  /** Seconds of load for each arm. Defaults to 45. */
  readonly seconds?: number
  /** Planned events a second. Defaults to 50. */
  readonly rate?: number
  readonly fault?: boolean
  readonly arms?: readonly SampleArm[]
  readonly partial?: boolean
  readonly seed?: number
}

export type SampleArm = 'rest' | 'naive' | 'holdfast'

/**
 * A result as a run would leave it, from a simulation of a few lines: PostgreSQL is away from a third to two thirds of
 * the load; `rest` refuses meanwhile, `naive` loses what it reads, `holdfast` lets its lag grow and drains. All sums
 * close.
 */
export function sampleResult(options: SampleOptions = {}): Result {
  const { seconds = 45, rate = 50, fault = true, partial = false, seed = 7 } = options
  const random = seededRandom(seed)
  const names = options.arms ?? ['rest', 'naive', 'holdfast']
  const window = fault ? { began: Math.round(seconds / 3), ended: Math.round((seconds * 2) / 3) } : undefined
  const arms = names.map(name => simulate(name, { seconds, rate, window, random }))
  const startedAt = Date.UTC(2026, 10, 21, 14, 40)
  return {
    version: 1,
    kind: 'holdfast-experiment',
    id: '2026-11-21T14-40-00-rest-vs-log',
    scenario: {
      name: 'rest-vs-log',
      title: 'REST beside the log while PostgreSQL dies',
      hypothesis:
        'While PostgreSQL is away, the direct writer refuses about as many events as fall into the outage and loses none that it accepted; the consumer as commonly published answers 202 to all and loses a share; Holdfast refuses none, loses none, doubles none, and drains by itself.',
    },
    command: `holdfast chaos run rest-vs-log --seed ${seed}`,
    seed,
    startedAt,
    finishedAt: startedAt + names.length * (seconds + 10) * 1000,
    partial,
    mode: 'sequence',
    environment: {
      holdfast: '0.1.0',
      node: '24.21.0',
      postgres: '18.4',
      platform: 'linux x64 6.18',
      cpu: 'AMD EPYC 9R14',
      cores: 2,
      memoryBytes: 24 * 1024 ** 3,
      fsyncMs: 0.41,
      load: 1.7,
    },
    arms,
    checks: partial ? [] : arms.flatMap(checksOf),
    limits: [
      'One machine: load, database and arms share its cores, so latencies are higher than on machines of their own.',
      'The disk of the log never failed. An event survives the loss of power, not the loss of the disk.',
      'One run. Shares vary by a few per cent from run to run, the zeros should not.',
    ],
  }
}

interface Setting {
  readonly seconds: number
  readonly rate: number
  readonly window: { readonly began: number; readonly ended: number } | undefined
  readonly random: Random
}

const about: Readonly<Record<SampleArm, { readonly title: string; readonly description: string }>> = {
  rest: {
    title: 'REST, direct writer',
    description: 'Writes the row and answers. A pool of 20 that survives the database, a time-out of 2 s.',
  },
  naive: {
    title: 'Log, consumer as published',
    description: 'Answers 202 from a log; the consumer rejects by breaker and commits all the same.',
  },
  holdfast: {
    title: 'Holdfast',
    description: 'Collector, embedded log and one consumer group, each as shipped.',
  },
}

function simulate(name: SampleArm, { seconds, rate, window, random }: Setting): ArmResult {
  const drain = name === 'holdfast' && window !== undefined ? 5 : 1
  const length = seconds + drain
  const isAway = (second: number): boolean =>
    window !== undefined && second >= window.began && second < window.ended
  const series = emptySeries()
  const sum = { accepted: 0, refused: 0, unanswered: 0, lost: 0, stored: 0 }
  let waiting = 0
  let oldest = 0
  for (let second = 0; second < length; second++) {
    const due = second < seconds ? rate : 0
    const away = isAway(second)
    const unanswered = name === 'rest' && away ? Math.round(due * 0.1 * random()) : 0
    const refused = name === 'rest' && away ? due - unanswered : 0
    const accepted = due - refused - unanswered
    waiting += accepted
    let lost = 0
    if (name === 'naive' && away) {
      lost = Math.round(waiting * 0.8)
      waiting -= lost
    }
    const stored = away ? 0 : Math.min(waiting, rate * 8)
    waiting -= stored
    oldest = waiting > 0 ? oldest + 1 : 0
    sum.accepted += accepted
    sum.refused += refused
    sum.unanswered += unanswered
    sum.lost += lost
    sum.stored += stored
    const slow = name === 'rest' && away ? 400 : 1
    const log = name !== 'rest'
    push(series, second, {
      accepted,
      refused,
      unanswered,
      unsent: 0,
      p50: due === 0 ? null : round((name === 'rest' ? 2.1 : 1.2) * (1 + random()) * slow),
      p99: due === 0 ? null : round((name === 'rest' ? 9 : 4) * (1 + random() * 2) * (slow === 1 ? 1 : 180)),
      rows: away ? null : sum.stored,
      lag: log ? waiting : null,
      lagSeconds: log ? oldest : null,
      breaker: log ? (away ? 'OPEN' : second === window?.ended ? 'HALF_OPEN' : 'CLOSED') : null,
      deadLetters: log ? 0 : null,
      retrying: log ? 0 : null,
      cpu: round(0.12 + random() * 0.1),
      rssBytes: Math.round((90 + random() * 6 + second * 0.02) * 1024 ** 2),
    })
  }
  sum.stored += waiting
  return finish(name, { series, sum, seconds, rate, window })
}

function finish(
  name: SampleArm,
  { series, sum, seconds, rate, window }: Omit<Setting, 'random'> & { series: Series; sum: Sums },
): ArmResult {
  const planned = seconds * rate
  const counts: Counts = {
    planned,
    sent: planned,
    unsent: 0,
    accepted: sum.accepted,
    refused: sum.refused,
    unanswered: sum.unanswered,
    stored: sum.stored,
    storedUnanswered: 0,
    lost: sum.lost,
    doubled: 0,
    ghosts: 0,
    altered: 0,
    inversions: 0,
    aggregates: 0,
    dead: 0,
    pending: 0,
  }
  const failed = sum.refused + sum.unanswered
  return {
    name,
    ...about[name],
    flags: {},
    counts,
    amplification: 1,
    latency: {
      accepted: percentiles(sum.accepted, name === 'rest' ? 3 : 2),
      failed: percentiles(failed, failed === 0 ? 0 : 840),
    },
    answers: { [name === 'rest' ? '200' : '202']: sum.accepted, ...restErrors(sum) },
    acceptedPerSecond: 48.5,
    behindMs: 3.2,
    errorSeconds: name === 'rest' && window !== undefined ? window.ended - window.began : 0,
    firstSuccessAfterFault: window === undefined ? null : name === 'rest' ? 1.4 : 0.02,
    drainedAfterFault: window === undefined ? null : name === 'holdfast' ? 4.2 : 0,
    peakLag: name === 'rest' ? null : Math.max(...series.lag.map(lag => lag ?? 0)),
    phases: phasesOf(series, seconds, rate, window),
    faults: window === undefined ? [] : [faultOf(window)],
    series,
    timeline: timelineOf(name, seconds, window),
    examples: {
      lost: Array.from({ length: Math.min(sum.lost, 20) }, (_, n) => `driver-${n % 7}-${1000 + n}`),
      doubled: [],
      ghosts: [],
      altered: [],
      inversions: [],
      aggregates: [],
    },
    problems: [],
    cost: { cpuSeconds: round(seconds * 0.17), rssBytes: 97 * 1024 ** 2 },
  }
}

interface Sums {
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  readonly lost: number
  readonly stored: number
}

function restErrors({ refused, unanswered }: Sums): Record<string, number> {
  return { ...(refused > 0 ? { '503': refused } : {}), ...(unanswered > 0 ? { timeout: unanswered } : {}) }
}

function percentiles(count: number, p50: number): Percentiles {
  return { count, p50, p95: p50 * 2.4, p99: round(p50 * 4.1), p999: round(p50 * 7.7), max: round(p50 * 11.3) }
}

function faultOf({ began, ended }: { readonly began: number; readonly ended: number }): FaultResult {
  return {
    name: 'postgres kill',
    plannedAt: began,
    began: began + 0.03,
    ended: ended + 0.6,
    observed: [
      'postmaster ended by SIGKILL',
      'connect ECONNREFUSED 127.0.0.1:54320',
      'accepts connections again',
    ],
  }
}

function phasesOf(series: Series, seconds: number, rate: number, window: Setting['window']): PhaseResult[] {
  const bounds =
    window === undefined
      ? [{ name: 'steady', from: 0, to: seconds }]
      : [
          { name: 'before', from: 0, to: window.began },
          { name: 'fault', from: window.began, to: window.ended },
          { name: 'recovery', from: window.ended, to: seconds },
        ]
  return bounds.map(({ name, from, to }) => {
    const total = (values: readonly number[]): number => values.slice(from, to).reduce((sum, n) => sum + n, 0)
    const accepted = total(series.accepted)
    const refused = total(series.refused)
    const unanswered = total(series.unanswered)
    const sent = accepted + refused + unanswered
    const latency = percentiles(sent, refused > 0 ? 840 : 2.5)
    return { name, from, to, rate, sent, accepted, refused, unanswered, unsent: 0, latency }
  })
}

function timelineOf(name: SampleArm, seconds: number, window: Setting['window']): TimelineEvent[] {
  if (window === undefined) return [{ at: 0, kind: 'phase', text: 'steady' }]
  const breaker: TimelineEvent[] =
    name === 'rest'
      ? []
      : [
          { at: window.began + 1.2, kind: 'breaker', text: 'db CLOSED → OPEN' },
          { at: window.ended + 0.9, kind: 'breaker', text: 'db OPEN → HALF_OPEN → CLOSED' },
        ]
  return [
    { at: 0, kind: 'phase', text: 'before' },
    { at: window.began, kind: 'fault', text: 'postgres kill began' },
    ...breaker,
    { at: window.ended, kind: 'fault', text: 'postgres kill ended' },
    { at: seconds + 0.4, kind: 'drained', text: 'nothing is waiting' },
  ].toSorted((a, b) => a.at - b.at) as TimelineEvent[]
}

function checksOf({ name, counts }: ArmResult): Result['checks'] {
  const check = (
    expression: string,
    because: string,
    actual: number,
    passed: boolean,
  ): Result['checks'][number] => ({
    arm: name,
    expression,
    because,
    actual,
    passed,
  })
  const share = round((counts.refused + counts.unanswered) / counts.planned)
  const none = check('lost == 0', 'What was accepted is stored.', counts.lost, counts.lost === 0)
  if (name === 'rest')
    return [
      check(
        'refused_share between 0.2 and 0.6',
        'It refuses while the database is away.',
        share,
        share > 0.2 && share < 0.6,
      ),
      none,
    ]
  if (name === 'naive')
    return [
      check('refused == 0', 'The customer sees nothing of it.', counts.refused, counts.refused === 0),
      check('lost > 0', 'What the breaker rejects is committed and gone.', counts.lost, counts.lost > 0),
    ]
  return [
    check('refused == 0', 'The log takes everything.', counts.refused, counts.refused === 0),
    none,
    check('doubled == 0', 'Effect and inbox row commit together.', counts.doubled, counts.doubled === 0),
    check('inversions == 0', 'Order is kept by key.', counts.inversions, counts.inversions === 0),
    check('pending == 0', 'It drains by itself.', counts.pending, counts.pending === 0),
  ]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer V)[] ? V[] : T[K] }
type Point = { readonly [K in keyof Omit<Series, 'second'>]: Series[K][number] }

function emptySeries(): Mutable<Series> {
  return {
    second: [],
    accepted: [],
    refused: [],
    unanswered: [],
    unsent: [],
    p50: [],
    p99: [],
    rows: [],
    lag: [],
    lagSeconds: [],
    breaker: [],
    deadLetters: [],
    retrying: [],
    cpu: [],
    rssBytes: [],
  }
}

function push(series: Mutable<Series>, second: number, point: Point): void {
  series.second.push(second)
  for (const [name, value] of Object.entries(point)) (series[name as keyof Point] as unknown[]).push(value)
}

const round = (value: number): number => Math.round(value * 1000) / 1000
