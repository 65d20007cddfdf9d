import type { ArmResult, Counts, Percentiles } from '../contract/result.ts'
import type { LoadPlan } from '../contract/scenario.ts'

const counts = [
  'planned',
  'sent',
  'unsent',
  'accepted',
  'refused',
  'unanswered',
  'stored',
  'lost',
  'doubled',
  'ghosts',
  'altered',
  'inversions',
  'aggregates',
  'dead',
  'pending',
] as const satisfies readonly (keyof Counts)[]

/** Milliseconds. */
const percentiles = ['p50', 'p95', 'p99', 'p999', 'max'] as const satisfies readonly (keyof Percentiles)[]

const figures = {
  /** Of what was planned, the share that no customer got a yes for: refused, unanswered and unsent. */
  failed_share: ({ counts: c }) => (c.refused + c.unanswered + c.unsent) / c.planned,
  /** Of what was planned, the share that was due while a fault was there, as it was observed. */
  fault_share: arm => faultShare(arm),
  lost_share: ({ counts: c }) => c.lost / c.planned,
  amplification: ({ amplification }) => amplification,
  /** Seconds of the schedule in which somebody was turned away. */
  error_seconds: ({ errorSeconds }) => errorSeconds,
  first_success: ({ firstSuccessAfterFault }) => firstSuccessAfterFault ?? undefined,
  drain_seconds: ({ drainedAfterFault }) => drainedAfterFault ?? undefined,
  peak_lag: ({ peakLag }) => peakLag ?? undefined,
} satisfies Record<string, (arm: ArmResult) => number | undefined>

const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name)

/** The value of a measure, or undefined where this arm has none: it never drained, or has nothing to drain. */
export function measure(arm: ArmResult, name: string): number | undefined {
  if (isOneOf(counts, name)) return arm.counts[name]
  if (isOneOf(percentiles, name)) return arm.latency.accepted[name]
  const [head, phase, figure = ''] = name.split('.')
  if (head === 'phase' && isOneOf(percentiles, figure)) {
    return arm.phases.find(({ name }) => name === phase)?.latency[figure]
  }
  return (figures as Record<string, (arm: ArmResult) => number | undefined>)[name]?.(arm)
}

/** Every name that a check of this load may use. */
export function measureNames({ phases }: Pick<LoadPlan, 'phases'>): string[] {
  const ofPhases = phases.flatMap(({ name }) => percentiles.map(figure => `phase.${name}.${figure}`))
  return [...counts, ...Object.keys(figures), ...percentiles, ...ofPhases]
}

function faultShare({ faults, phases, counts }: ArmResult): number {
  // Faults may overlap; what counts is when any of them was there.
  let [events, covered] = [0, 0]
  for (const { began, ended } of faults.toSorted((a, b) => a.began - b.began)) {
    const start = Math.max(covered, began)
    for (const { from, to, rate } of phases) {
      events += rate * Math.max(0, Math.min(to, ended) - Math.max(from, start))
    }
    covered = Math.max(covered, ended)
  }
  return events / counts.planned
}
