import { audit, type Audit, type Evidence, type Ledger } from 'holdfast/testing'
import type { Arm } from '../contract/arm.ts'
import type { ArmResult, Counts, FaultResult, Series, TimelineEvent } from '../contract/result.ts'
import type { Scenario, ScenarioArm } from '../contract/scenario.ts'
import type { LoadTally } from '../load/tally.ts'
import type { ProcessUsage } from './process-usage.ts'
import type { Sample } from './sampler.ts'

/** Everything that is known of one arm when it has stopped. */
export interface ArmRecord {
  readonly arm: Arm
  readonly as: ScenarioArm
  readonly scenario: Scenario
  readonly tally: LoadTally
  readonly ledger: Ledger
  /** Undefined when the run was interrupted before anybody could look. */
  readonly evidence: Evidence | undefined
  readonly samples: readonly Sample[]
  readonly usage: Pick<ProcessUsage, 'cpuSeconds' | 'peakRssBytes'>
  readonly faults: readonly FaultResult[]
  readonly timeline: readonly TimelineEvent[]
  /** When the arm itself said that nothing is under way any more; undefined when it never did. */
  readonly drainedAt: number | undefined
  /** What went wrong while it ran. */
  readonly problems: readonly string[]
}

/** How many of each finding stand in the result; events.ndjson has all. */
const EXAMPLES = 20

/** The figures of one arm, and every reason not to believe them. */
export function armResult(record: ArmRecord): {
  readonly result: ArmResult
  readonly audit: Audit | undefined
} {
  const { arm, as, tally, ledger, samples, faults, usage } = record
  const audited = record.evidence && audit(ledger, record.evidence)
  const lags = samples.flatMap(({ lag }) => (lag === undefined ? [] : [lag]))
  const result: ArmResult = {
    name: as.as,
    title: arm.title,
    description: arm.description,
    flags: Object.fromEntries(as.flags.map(flag => [flag, arm.flags[flag] ?? ''])),
    counts: countsOf(tally, audited),
    amplification: tally.amplification,
    latency: tally.latency(),
    answers: tally.answers,
    errorSeconds: tally.errorSeconds,
    acceptedPerSecond: tally.acceptedPerSecond,
    behindMs: tally.behindMs,
    firstSuccessAfterFault: firstSuccess(tally, faults),
    drainedAfterFault: drainedAfter(record),
    peakLag: lags.length === 0 ? null : Math.max(...lags),
    phases: tally.phases(),
    faults,
    series: seriesOf(tally, samples),
    timeline: record.timeline,
    examples: examplesOf(audited),
    problems: [...record.problems, ...problemsOf(record, audited)],
    cost: { cpuSeconds: usage.cpuSeconds, rssBytes: usage.peakRssBytes },
  }
  return { result, audit: audited }
}

function countsOf(tally: LoadTally, audited: Audit | undefined): Counts {
  const { findings, counts } = audited ?? {}
  return {
    ...tally.sums,
    stored: counts?.done ?? 0,
    storedUnanswered: counts?.doneUnanswered ?? 0,
    lost: findings?.lost.length ?? 0,
    doubled: findings?.doubled.length ?? 0,
    ghosts: findings?.ghosts.length ?? 0,
    altered: findings?.altered.length ?? 0,
    inversions: findings?.inversions.length ?? 0,
    aggregates: findings?.aggregates.length ?? 0,
    // What a group passed over on purpose is accounted for like a dead letter.
    dead: (counts?.dead ?? 0) + (counts?.skipped ?? 0),
    pending: (counts?.pending ?? 0) + (counts?.expired ?? 0),
  }
}

/** The load counted as it went, the ledger was read from disk afterwards: two counts that must agree. */
function problemsOf({ tally, ledger, scenario, faults }: ArmRecord, audited: Audit | undefined): string[] {
  if (!audited) return ['interrupted before the audit: what was stored and lost is not known']
  const { sums } = tally
  const { counts, findings } = audited
  const compared = ['planned', 'sent', 'unsent', 'accepted', 'refused', 'unanswered'] as const
  const differing = compared.filter(name => sums[name] !== counts[name])
  const accountedFor = counts.done + counts.dead + counts.skipped + counts.pending + counts.expired
  const unseen = faults.filter(({ observed }) => observed.length === 0)
  return [
    ...ledger.problems,
    ...findings.unbalanced,
    ...differing.map(name => `${name}: the load counted ${sums[name]}, its ledger holds ${counts[name]}`),
    ...(sums.sent === sums.accepted + sums.refused + sums.unanswered
      ? []
      : [`sent ${sums.sent} is not accepted + refused + unanswered`]),
    ...(counts.accepted === accountedFor + findings.lost.length
      ? []
      : [
          `accepted ${counts.accepted} is not stored ${counts.done} + dead ${counts.dead + counts.skipped} + pending ${counts.pending + counts.expired} + lost ${findings.lost.length}`,
        ]),
    ...findings.contradictions
      .map(({ id, where }) => `${id} is in two places: ${where.join(' and ')}`)
      .slice(0, 5),
    ...unseen.map(({ name, plannedAt }) => `the fault ${name} at ${plannedAt} s was not observed`),
    ...missedFaults(scenario, faults),
  ]
}

/** A fault of the database hits every arm, so one without a result did not even begin. */
function missedFaults({ faults: plans }: Scenario, faults: readonly FaultResult[]): string[] {
  return plans
    .filter(({ target }) => target === 'postgres' || target === 'load')
    .filter(plan => !faults.some(({ name, plannedAt }) => name === nameOf(plan) && plannedAt === plan.at))
    .map(plan => `the fault ${nameOf(plan)} at ${plan.at} s did not begin`)
}

function nameOf(plan: Scenario['faults'][number]): string {
  return `${plan.target} ${plan.fault}`
}

function firstSuccess(tally: LoadTally, [first]: readonly FaultResult[]): number | null {
  if (!first) return null
  let best = Infinity
  for (const { outcome, dueAt, ms } of tally.events()) {
    const after = (dueAt + ms) / 1000 - first.ended
    if (outcome === 'accepted' && after >= 0) best = Math.min(best, after)
  }
  return best === Infinity ? null : best
}

/** A system under load is never empty: drained is when no more waits than comes in within a second. */
function drainedAfter({ samples, scenario, faults, drainedAt }: ArmRecord): number | null {
  if (!samples.some(({ lag }) => lag !== undefined)) return null
  const { phases } = scenario.load
  const calm = faults.length > 0 ? Math.max(...faults.map(({ ended }) => ended)) : endOfBusiest(phases)
  const caughtUp = samples.find(({ at, lag }) => at >= calm && lag !== undefined && lag <= rateAt(phases, at))
  const at = Math.min(caughtUp?.at ?? Infinity, drainedAt ?? Infinity)
  return at === Infinity ? null : Math.max(0, at - calm)
}

function endOfBusiest(phases: Scenario['load']['phases']): number {
  const peak = Math.max(...phases.map(({ rate }) => rate))
  const last = phases.findLastIndex(({ rate }) => rate === peak)
  return phases.slice(0, last + 1).reduce((sum, { seconds }) => sum + seconds, 0)
}

/** Planned events a second at that moment; after the load, those of its last phase. */
function rateAt(phases: Scenario['load']['phases'], at: number): number {
  let until = 0
  const phase = phases.find(({ seconds }) => (until += seconds) > at)
  return (phase ?? phases.at(-1))?.rate ?? 0
}

function seriesOf(tally: LoadTally, samples: readonly Sample[]): Series {
  const load = tally.series()
  const length = Math.max(load.accepted.length, (samples.at(-1)?.at ?? -1) + 1)
  const bySecond = new Map(samples.map(sample => [sample.at, sample]))
  const second = Array.from({ length }, (_, i) => i)
  const padded = <T>(values: readonly T[], filler: T): T[] => second.map(i => values[i] ?? filler)
  const sampled = <K extends keyof Sample>(name: K): (Exclude<Sample[K], undefined> | null)[] =>
    second.map(i => (bySecond.get(i)?.[name] ?? null) as Exclude<Sample[K], undefined> | null)
  return {
    second,
    accepted: padded(load.accepted, 0),
    refused: padded(load.refused, 0),
    unanswered: padded(load.unanswered, 0),
    unsent: padded(load.unsent, 0),
    p50: padded(load.p50, null),
    p99: padded(load.p99, null),
    rows: sampled('rows'),
    lag: sampled('lag'),
    lagSeconds: sampled('lagSeconds'),
    breaker: sampled('breaker'),
    deadLetters: sampled('deadLetters'),
    retrying: sampled('retrying'),
    cpu: sampled('cpu'),
    rssBytes: sampled('rssBytes'),
  }
}

function examplesOf(audited: Audit | undefined): ArmResult['examples'] {
  const {
    lost = [],
    doubled = [],
    ghosts = [],
    altered = [],
    inversions = [],
    aggregates = [],
  } = audited?.findings ?? {}
  const first = (all: readonly string[]): string[] => all.slice(0, EXAMPLES)
  return {
    lost: first(lost),
    doubled: first(doubled.map(({ id, times }) => `${id} ${times} times`)),
    ghosts: first(ghosts),
    altered: first(altered),
    inversions: first(inversions.map(({ key, early, late }) => `${late} after ${early} in ${key}`)),
    aggregates: first(
      aggregates.map(({ name, cell, expected, actual }) => `${name} of ${cell}: ${actual}, not ${expected}`),
    ),
  }
}
