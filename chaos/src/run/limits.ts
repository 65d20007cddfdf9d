import type { ArmResult, Environment } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'

/** A machine with more to do than it has cores shows in every latency. */
const BEHIND_MS = 100

/** What a run does not show, one sentence each. */
export function limitsOf(
  { mode, arms: planned }: Scenario,
  { cores, load }: Environment,
  arms: readonly ArmResult[],
): string[] {
  const behind = Math.max(0, ...arms.map(({ behindMs }) => behindMs))
  return [
    'Load, arms and database share one machine: absolute latencies are those of this machine, and only differences between arms mean something.',
    'One run is one run: repeat it before you believe a percentile.',
    'An answer of Holdfast means that the event is on one disk. It survives the loss of power, not the loss of that disk.',
    ...(mode === 'side-by-side'
      ? [
          'The arms ran at the same time and took CPU from each other: their latencies are not to be compared.',
        ]
      : planned.length > 1
        ? ['The arms ran one after another: what else the machine did meanwhile may differ between them.']
        : []),
    ...(load > cores
      ? [
          `The machine was busy when it began (load ${load} on ${cores} cores): percentiles are worse than on a quiet one.`,
        ]
      : []),
    ...(behind > BEHIND_MS
      ? [`The load generator was up to ${behind} ms behind its own schedule, which is part of every latency.`]
      : []),
  ]
}
