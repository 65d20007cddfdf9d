import type { Evidence, LedgerLine } from 'holdfast/testing'
import { ledgerOf } from 'holdfast/testing'
import { expect, test } from 'vitest'
import type { Arm } from '../contract/arm.ts'
import type { FaultResult } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'
import { outcomes, type LoadOutcome } from '../load/batch.ts'
import { LoadTally } from '../load/tally.ts'
import { armResult, type ArmRecord } from './arm-result.ts'
import type { Sample } from './sampler.ts'

const phases = [{ name: 'load', seconds: 10, rate: 1 }]
const scenario: Scenario = {
  name: 's',
  title: 's',
  hypothesis: 's',
  arms: [],
  load: { phases, keys: 1, zipf: 0, timeoutMs: 1_000, maxInFlight: 10 },
  faults: [{ target: 'postgres', fault: 'kill', at: 3, for: 2 }],
  checks: [],
  drainSeconds: 10,
  mode: 'sequence',
}
const killed: FaultResult = {
  name: 'postgres kill',
  plannedAt: 3,
  began: 3,
  ended: 5.5,
  observed: ['ECONNREFUSED'],
}

/** Ten events a second apart, the fourth and fifth refused, all others stored. */
const became = (n: number): LoadOutcome => (n === 3 || n === 4 ? 'refused' : 'accepted')

function record(changes: Partial<ArmRecord> = {}): ArmRecord {
  const tally = new LoadTally(phases)
  const lines: LedgerLine[] = [{ line: 'run', planned: 10 }]
  const rows: Evidence['rows'][number][] = []
  for (let n = 0; n < 10; n++) {
    const [id, outcome] = [`e-${n}`, became(n)]
    tally.add({ ended: Float64Array.of(n, outcomes.indexOf(outcome), 100, 1), answers: {}, behindMs: 0 })
    lines.push({ line: 'sent', id, key: 'k', hash: 'h', at: n * 1_000 })
    if (outcome !== 'unsent') lines.push({ line: 'answer', id, outcome, at: n * 1_000 + 100 })
    if (outcome === 'accepted') rows.push({ id, key: 'k', hash: 'h' })
  }
  return {
    arm: { name: 'rest', title: 'REST', description: '', flags: { fast: 'it is' } } as unknown as Arm,
    as: { arm: 'rest', as: 'rest-fast', flags: ['fast'] },
    scenario,
    tally,
    ledger: ledgerOf(lines),
    evidence: { rows },
    samples: [],
    usage: { cpuSeconds: 1, peakRssBytes: 2 },
    faults: [killed],
    timeline: [],
    drainedAt: undefined,
    problems: [],
    ...changes,
  }
}

const problemsOf = (changes: Partial<ArmRecord>): readonly string[] =>
  armResult(record(changes)).result.problems
const sample = (at: number, lag: number): Sample => ({ at, lag, rows: null, cpu: null, rssBytes: null })

test('a run whose sums close has no problems, and its figures are those of the ledger', () => {
  const { result } = armResult(record())
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({
    name: 'rest-fast',
    title: 'REST',
    flags: { fast: 'it is' },
    errorSeconds: 2,
  })
  expect(result.counts).toMatchObject({ planned: 10, sent: 10, accepted: 8, refused: 2, stored: 8, lost: 0 })
})

test('the first success counts from the end of the fault to an answer', () => {
  // Due at 6, answered at 6.1; the fault ended at 5.5. What was due before it ended is no success after it.
  expect(armResult(record()).result.firstSuccessAfterFault).toBeCloseTo(0.6)
  expect(armResult(record({ faults: [] })).result.firstSuccessAfterFault).toBeNull()
})

test('drained is when no more waits than comes in within a second, after the fault', () => {
  const lags = [0, 0, 0, 0, 1, 2, 3, 3, 1, 0].map((lag, at) => sample(at, lag))
  const { result } = armResult(record({ samples: lags }))
  expect([result.drainedAfterFault, result.peakLag]).toEqual([2.5, 3])
  const never = lags.map(({ at, lag = 0 }) => sample(at, at > 5 ? 9 : lag))
  expect(armResult(record({ samples: never })).result.drainedAfterFault).toBeNull()
  expect(armResult(record({ samples: never, drainedAt: 12 })).result.drainedAfterFault).toBe(6.5)
  // Nothing can wait where nobody tells of a lag.
  expect(armResult(record({ drainedAt: 12 })).result.drainedAfterFault).toBeNull()
})

test('a fault that nobody saw, or that never began, makes the run unfit', () => {
  expect(problemsOf({ faults: [{ ...killed, observed: [] }] })).toEqual([
    'the fault postgres kill at 3 s was not observed',
  ])
  expect(problemsOf({ faults: [] })).toEqual(['the fault postgres kill at 3 s did not begin'])
})

test('two counts that differ make the run unfit: the load as it went, and its ledger on disk', () => {
  const lines: LedgerLine[] = [
    { line: 'run', planned: 10 },
    { line: 'sent', id: 'e-0', key: 'k', hash: 'h', at: 0 },
  ]
  expect(problemsOf({ ledger: ledgerOf(lines), evidence: { rows: [] } })).toEqual([
    'planned 10 is not sent 1 + unsent 0',
    'sent: the load counted 10, its ledger holds 1',
    'accepted: the load counted 8, its ledger holds 0',
    'refused: the load counted 2, its ledger holds 0',
    'unanswered: the load counted 0, its ledger holds 1',
  ])
})

test('what is lost, doubled or invented is counted and listed, and is no problem of the run', () => {
  const row = (id: string): Evidence['rows'][number] => ({ id, key: 'k', hash: 'h' })
  const rows = ['e-1', 'e-1', 'e-2', 'e-5', 'e-6', 'e-7', 'e-8', 'e-9', 'e-3'].map(row)
  const { result } = armResult(record({ evidence: { rows } }))
  expect(result.counts).toMatchObject({ lost: 1, doubled: 1, ghosts: 1, stored: 7 })
  expect(result.examples).toMatchObject({ lost: ['e-0'], doubled: ['e-1 2 times'], ghosts: ['e-3'] })
  expect(result.problems).toEqual([])
})

test('without evidence nothing is claimed', () => {
  const { result } = armResult(record({ evidence: undefined }))
  expect(result.problems).toEqual(['interrupted before the audit: what was stored and lost is not known'])
  expect(result.counts).toMatchObject({ accepted: 8, stored: 0, lost: 0 })
})
