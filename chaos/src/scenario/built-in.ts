import type { CheckPlan, FaultPlan, Scenario, ScenarioArm } from '../contract/scenario.ts'

/** A scenario whose checks follow from its load and faults, so that they stay right when those are changed. */
export interface BuiltIn {
  readonly scenario: Omit<Scenario, 'checks'>
  checks(scenario: Omit<Scenario, 'checks'>): CheckPlan[]
}

const load = { keys: 50, zipf: 0, timeoutMs: 5_000, maxInFlight: 2_000 }

const arms = (...names: string[]): ScenarioArm[] => names.map(arm => ({ arm, as: arm, flags: [] }))

const killed = (at: number, seconds: number): FaultPlan => ({
  target: 'postgres',
  fault: 'kill',
  at,
  for: seconds,
})

const restVsLog: BuiltIn = {
  scenario: {
    name: 'rest-vs-log',
    title: 'PostgreSQL is killed for a third of the time',
    hypothesis:
      'A service that writes the row before it answers turns customers away for as long as the database is gone. A log with the consumer as commonly published answers everybody and loses events without a word. Holdfast answers everybody and loses none.',
    arms: arms('rest', 'naive', 'holdfast'),
    load: { ...load, phases: [{ name: 'load', seconds: 120, rate: 50 }] },
    faults: [killed(40, 40)],
    drainSeconds: 120,
    mode: 'sequence',
  },
  checks: outageChecks,
}

const published: BuiltIn = {
  scenario: {
    ...restVsLog.scenario,
    name: 'published',
    title: 'The published experiment: PostgreSQL is killed for 120 of 300 seconds',
    load: {
      ...load,
      phases: [
        { name: 'warm-up', seconds: 30, rate: 25 },
        { name: 'base', seconds: 60, rate: 50 },
        { name: 'outage', seconds: 120, rate: 50 },
        { name: 'recovery', seconds: 90, rate: 50 },
      ],
    },
    faults: [killed(90, 120)],
    drainSeconds: 300,
  },
  checks: outageChecks,
}

const demo: BuiltIn = {
  scenario: {
    ...restVsLog.scenario,
    name: 'demo',
    title: 'REST beside the log while PostgreSQL is killed',
    hypothesis:
      'The service that writes the row before it answers turns customers away while the database is gone. Holdfast answers all of them and catches up afterwards.',
    arms: arms('rest', 'holdfast'),
    load: { ...load, phases: [{ name: 'load', seconds: 45, rate: 50 }] },
    faults: [killed(12, 15)],
    mode: 'side-by-side',
  },
  checks: outageChecks,
}

const burst: BuiltIn = {
  scenario: {
    name: 'burst',
    title: 'Ten times the load for 30 seconds, on a database that takes one and a half times the usual',
    hypothesis:
      'Nothing is broken, there is only more than the database can take. Holdfast answers as fast as before and the rest waits in the log; a service that writes before it answers makes its customers wait.',
    arms: arms('rest', 'holdfast'),
    load: {
      ...load,
      phases: [
        { name: 'base', seconds: 30, rate: 50 },
        { name: 'burst', seconds: 30, rate: 500 },
        { name: 'after', seconds: 30, rate: 50 },
      ],
    },
    faults: [],
    drainSeconds: 600,
    sinkRowsPerSecond: 75,
    mode: 'sequence',
  },
  checks: ({ load: { phases }, sinkRowsPerSecond = Infinity }) => {
    const [, peak] = phases
    // What comes in above what goes out, while it comes in; a half of it, since a machine is not a formula.
    const lag = Math.round((((peak?.rate ?? 0) - sinkRowsPerSecond) * (peak?.seconds ?? 0)) / 2)
    return [
      check('rest', 'lost == 0', 'it answers only after the row is written'),
      check('rest', 'failed_share > 5%', 'the burst is more than the database can take'),
      ...keepsEverything('holdfast'),
      check('holdfast', 'phase.burst.p95 < 2 * phase.base.p95', 'its answer waits for the log alone'),
      check('holdfast', `peak_lag > ${lag}`, 'what the database cannot take waits in the log'),
      check('holdfast', 'drain_seconds >= 0', 'what waited is written, without anybody doing anything'),
    ]
  },
}

const highRate: BuiltIn = {
  scenario: {
    name: 'high-rate',
    title: '3,200 events a second and four groups, with PostgreSQL away for a third of the time',
    hypothesis:
      'More events, more keys and more readers change how long it takes to catch up, and nothing else: no event is lost, doubled or out of order. Which rate a machine reaches is shown and not asserted.',
    arms: [{ arm: 'holdfast', as: 'holdfast', flags: ['four-groups'] }],
    load: {
      keys: 10_000,
      zipf: 0,
      timeoutMs: 30_000,
      // Ten seconds of it: a slow machine shows in the latency, and only a hang in what is unsent.
      maxInFlight: 32_000,
      phases: [{ name: 'load', seconds: 60, rate: 3_200 }],
    },
    faults: [killed(20, 20)],
    drainSeconds: 900,
    mode: 'sequence',
  },
  checks: () => [
    ...keepsEverything('holdfast').filter(({ expression }) => !expression.startsWith('failed_share')),
    check('holdfast', 'pending == 0', 'it drains by itself'),
  ],
}

const onKafka: BuiltIn = {
  scenario: {
    ...restVsLog.scenario,
    name: 'on-kafka',
    title: 'PostgreSQL is killed for a third of the time, and the log is a Kafka',
    hypothesis:
      'A consumer with KafkaJS as commonly published tries what fails five times and puts it aside: an outage makes dead letters of events with nothing wrong in them. Holdfast on the same Kafka waits, and applies all of them in order.',
    arms: arms('naive-kafkajs', 'holdfast-kafka'),
  },
  checks: scenario => [
    check('naive-kafkajs', 'failed_share == 0', 'it answers when the event is in the log'),
    check('naive-kafkajs', 'lost == 0', 'what it gives up is kept in a topic'),
    check('naive-kafkajs', 'dead > 0', 'it gives events up because the database is away'),
    ...outageChecks(scenario)
      .filter(({ arm }) => arm === 'holdfast')
      .map(one => ({ ...one, arm: 'holdfast-kafka' })),
    check('holdfast-kafka', 'dead == 0', 'an outage is no fault of an event'),
  ],
}

/** By name, in the order of `chaos list`. */
export const builtIns: Readonly<Record<string, BuiltIn>> = {
  'rest-vs-log': restVsLog,
  published,
  burst,
  'high-rate': highRate,
  'on-kafka': onKafka,
  demo,
}

function outageChecks({ load: { phases }, faults }: Omit<Scenario, 'checks'>): CheckPlan[] {
  const planned = phases.reduce((sum, { seconds, rate }) => sum + seconds * rate, 0)
  const [away] = faults
  // Slow is not gone: nobody has to be turned away by it.
  if (away === undefined || (away.target === 'postgres' && away.fault === 'slow')) {
    return [check('rest', 'lost == 0', ONE_ROW), ...keepsEverything('holdfast')]
  }
  const during = dueWithin(phases, away.at, away.at + away.for)
  return [
    // Both: the share that was observed is 0 where the fault did not happen.
    check(
      'rest',
      `failed_share > ${percent(during / planned / 2)}`,
      'nobody gets an answer without the database',
    ),
    check(
      'rest',
      'failed_share between 0.7 * fault_share and 1.3 * fault_share',
      'it turns customers away for as long as the database is gone, and not longer',
    ),
    check('rest', 'lost == 0', ONE_ROW),
    check('naive', 'failed_share == 0', 'it answers when the event is in the log'),
    check('naive', 'lost > 0', 'its breaker rejects event by event, and what is rejected is committed'),
    ...keepsEverything('holdfast'),
    check(
      'holdfast',
      `peak_lag > ${Math.round(during / 2)}`,
      'the database was away, and events waited for it',
    ),
    check('holdfast', 'drain_seconds < 60', 'what waited is written, without anybody doing anything'),
  ]
}

const ONE_ROW = 'it answers only after the row is written'

function keepsEverything(arm: string): CheckPlan[] {
  return [
    check(arm, 'failed_share == 0', 'an answer needs the log, not the database'),
    check(arm, 'lost == 0', 'an event that was accepted is in the log until its row is committed'),
    check(arm, 'doubled == 0', 'the proof that it was applied commits with the row'),
    check(arm, 'inversions == 0', 'a key has one owner, and later events wait behind earlier ones'),
    check(arm, 'aggregates == 0', 'sums are written in the same transaction'),
  ]
}

function check(arm: string, expression: string, because: string): CheckPlan {
  return { arm, expression, because }
}

/** Events that are due between two seconds. */
function dueWithin(phases: Scenario['load']['phases'], from: number, to: number): number {
  let [start, events] = [0, 0]
  for (const { seconds, rate } of phases) {
    const overlap = Math.min(to, start + seconds) - Math.max(from, start)
    events += Math.max(0, overlap) * rate
    start += seconds
  }
  return events
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}
