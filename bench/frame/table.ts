import type { Benchmark, Figure, Goal } from './benchmark.ts'
import type { Result } from './run.ts'
import { median, type Verdict } from './verdict.ts'

/** A result as lines for people: both figures as medians, each goal with its spread, and what it cost. */
export function tableOf(benchmark: Benchmark, result: Result): string {
  const limits = result.rounds.flatMap(({ limit }) => limit ?? [])
  const subjects = result.rounds.map(({ subject }) => subject)
  const lines = [
    `${result.name}: ${result.what}`,
    ...(limits.length > 0 ? [`  limit    ${described(limits, result.unit)}`] : []),
    `  holdfast ${described(subjects, result.unit)}`,
    ...benchmark.goals.flatMap((goal, i) => {
      const verdict = result.verdicts[i]
      return verdict ? [`  ${judged(goal, verdict, result.rounds.length)}`] : []
    }),
  ]
  return `${lines.join('\n')}\n`
}

function described(figures: readonly Figure[], unit: string): string {
  const middle = (pick: (figure: Figure) => number | undefined): number | undefined => {
    const values = figures.flatMap(figure => pick(figure) ?? [])
    return values.length > 0 ? median(values) : undefined
  }
  const part = (name: string, value: number | undefined, unit = ''): string[] =>
    value === undefined ? [] : [`${name} ${short(value)}${unit}`]
  return [
    `${short(middle(figure => figure.value) ?? Number.NaN)} ${unit}`,
    ...part(
      'p50',
      middle(figure => figure.latencyMs?.p50),
    ),
    ...part(
      'p95',
      middle(figure => figure.latencyMs?.p95),
    ),
    ...part(
      'p99',
      middle(figure => figure.latencyMs?.p99),
    ),
    ...part(
      'CPU s per million',
      middle(figure => figure.cpuSecondsPerMillion),
    ),
    ...part(
      'RssAnon',
      middle(figure => figure.rssAnonMiB),
      ' MiB',
    ),
    ...part(
      'bytes per event',
      middle(figure => figure.bytesPerEvent),
    ),
  ].join(', ')
}

function judged({ name, bound }: Goal, verdict: Verdict, rounds: number): string {
  const aim = 'below' in bound ? `below ${bound.below}` : `at least ${bound.atLeast}`
  const spread = `${short(verdict.median)} (${short(verdict.min)}–${short(verdict.max)})`
  const end = verdict.missed ? `MISSED in ${verdict.misses} of ${rounds} rounds` : 'reached'
  return `${name} ${spread}, aim ${aim}: ${end}`
}

function short(value: number): string {
  if (value >= 10_000) return `${Math.round(value / 1000).toLocaleString('en')}k`
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
