import { expect, test } from 'vitest'
import type { LiveSecond, Progress } from '../contract/progress.ts'
import type { Result } from '../contract/result.ts'
import { sampleResult } from '../../test/sample-result.ts'
import { compareText } from './compare.ts'
import { exitCodeOf } from './exit-code.ts'
import { progressLines } from './progress-lines.ts'
import { verdict } from './verdict.ts'

const counts = {
  planned: 600,
  accepted: 400,
  refused: 190,
  unanswered: 6,
  unsent: 4,
  lost: 3,
  doubled: 0,
  inversions: 0,
}
const check = {
  arm: 'rest',
  expression: 'lost == 0',
  because: 'it waits for the row',
  actual: 3,
  passed: false,
}
const result = {
  id: 'one',
  scenario: { title: 'PostgreSQL is killed' },
  partial: false,
  environment: { cpu: 'x', cores: 2 },
  arms: [
    {
      name: 'rest',
      counts,
      latency: { accepted: { p50: 1.234, p95: 20, p99: 1_500 } },
      peakLag: null,
      drainedAfterFault: null,
      amplification: 1,
      errorSeconds: 4,
      acceptedPerSecond: 33.3,
      problems: [],
    },
  ],
  checks: [check],
} as unknown as Result

test('the verdict names what became of the events, and each check with what was found', () => {
  const text = verdict(result)
  expect(text).toContain(
    'rest      600       400          200        33.3     3        0             0    1.23   1,500',
  )
  expect(text).toContain('FAIL  rest: lost == 0  (3): it waits for the row')
  expect(text).toContain('1 of 1 checks failed')
  expect(verdict({ ...result, checks: [{ ...check, passed: true }] })).toContain('All 1 checks held')
  expect(verdict({ ...result, partial: true, checks: [] })).toContain('Interrupted: nothing is asserted')
})

test('a failed check is 7, a run that cannot be believed 1, and an interrupted one 130', () => {
  const problems = result.arms.map(arm => ({ ...arm, problems: ['the sums do not close'] }))
  expect(exitCodeOf(result)).toBe(7)
  expect(exitCodeOf({ ...result, checks: [{ ...check, passed: true }] })).toBe(0)
  expect(exitCodeOf({ ...result, arms: problems })).toBe(1)
  expect(exitCodeOf({ ...result, partial: true, arms: problems })).toBe(130)
  expect(verdict({ ...result, arms: problems })).toContain(
    'not to be believed:\n  rest: the sums do not close',
  )
})

test('two runs are compared arm by arm, and another machine is said', () => {
  const a = sampleResult({ arms: ['rest', 'holdfast'] })
  const [rest] = a.arms
  const arms =
    rest === undefined ? [] : [{ ...rest, latency: { ...rest.latency, accepted: rest.latency.failed } }]
  const text = compareText(a, { ...a, id: 'two', arms, environment: { ...a.environment, cores: 8 } })
  expect(text).toContain('B  two\n\n! They ran on different machines')
  expect(text).toMatch(/p50, success +3 ms +840 ms +\+27,900 %\n/)
  expect(text).toContain('holdfast: only in A')
})

const second = (at: number, more: Partial<LiveSecond>): LiveSecond => ({
  at,
  phase: 'load',
  faultActive: false,
  planned: 0,
  accepted: 0,
  refused: 0,
  unanswered: 0,
  unsent: 0,
  ...more,
})

const said = (mode: Result['mode'], progress: readonly Progress[]): string[] => {
  const lines = progressLines()
  const arms = [
    { name: 'rest', title: 'REST' },
    { name: 'holdfast', title: 'Holdfast' },
  ]
  return [{ kind: 'began' as const, scenario: 'demo', title: 'Demo', arms, seconds: 45, mode }, ...progress]
    .map(lines)
    .filter(line => line !== undefined)
}

test('side by side there is one line a second for all arms, and one for a fault that hits all', () => {
  const fault = { at: 12, kind: 'fault' as const, text: 'postgres kill' }
  expect(
    said('side-by-side', [
      { kind: 'second', arm: 'rest', second: second(11, { accepted: 500 }) },
      { kind: 'second', arm: 'holdfast', second: second(11, { accepted: 550, lag: 3, breaker: 'CLOSED' }) },
      { kind: 'event', arm: 'rest', event: fault },
      { kind: 'event', arm: 'holdfast', event: fault },
      {
        kind: 'second',
        arm: 'rest',
        second: second(12, { accepted: 500, refused: 48, unsent: 2, faultActive: true }),
      },
      { kind: 'second', arm: 'holdfast', second: second(12, { accepted: 600, lag: 53, breaker: 'OPEN' }) },
    ]),
  ).toEqual([
    'demo: REST beside Holdfast, 45 s\n',
    '  11 s  rest    500 accepted      0 turned away   | holdfast    550 accepted      0 turned away      3 waiting\n',
    '  12 s  > postgres kill\n',
    '  12 s  rest    500 accepted     50 turned away   | holdfast    600 accepted      0 turned away     53 waiting  breaker OPEN   (fault)\n',
  ])
})

test('one arm after another there is a line for each second of each', () => {
  expect(
    said('sequence', [
      { kind: 'arm', arm: 'rest', state: 'starting' },
      { kind: 'second', arm: 'rest', second: second(0, { accepted: 50 }) },
    ]),
  ).toEqual([
    'demo: REST, then Holdfast, 45 s each\n',
    '       rest is being started\n',
    '   0 s  rest          50 accepted      0 turned away\n',
  ])
})
