import { expect, test, vi } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { arms } from '../arms/index.ts'
import type { Scenario } from '../contract/scenario.ts'
import { arm, experiment, scenarioOf } from './testing.ts'

// Four systems and a database on a machine that does other things as well: only a hang meets this.
vi.setConfig({ testTimeout: 300_000 })

const fixed = Object.keys(arms['naive']?.flags ?? {})

/** The shape of rest-vs-log, with all arms at once, because each second here is one that somebody waits. */
function outage(seconds: number): Scenario {
  const scenario = scenarioOf('rest-vs-log', { duration: seconds, rate: 40 })
  return {
    ...scenario,
    mode: 'side-by-side',
    arms: [arm('rest'), arm('naive'), arm('naive', 'naive-fixed', fixed), arm('holdfast')],
    checks: [
      ...scenario.checks,
      { arm: 'naive-fixed', expression: 'lost == 0', because: 'its mistakes are switched off' },
    ],
  }
}

test('PostgreSQL is killed for a third of the time: REST refuses that share and loses nothing that it accepted, the naive consumer accepts all and loses what is counted and listed, and Holdfast refuses, loses, doubles and reorders nothing', async () => {
  const { result, arm, events, progress, left } = await experiment(outage(12))
  expect(left).toEqual([])
  expect(result.arms.map(({ name, problems }) => [name, problems])).toEqual([
    ['rest', []],
    ['naive', []],
    ['naive-fixed', []],
    ['holdfast', []],
  ])
  expect(result.checks.filter(({ passed }) => !passed)).toEqual([])

  for (const { name, counts: c, faults, series } of result.arms) {
    // The sums close, and events.ndjson says the same one by one.
    expect(c.planned).toBe(480)
    expect(c.planned).toBe(c.sent + c.unsent)
    expect(c.sent).toBe(c.accepted + c.refused + c.unanswered)
    expect(c.accepted).toBe(c.stored + c.dead + c.pending + c.lost)
    const own = events.filter(line => line.arm === name)
    const at = (place: string): number => own.filter(({ ended }) => ended.includes(place)).length
    expect([own.length, at('lost'), at('doubled')]).toEqual([c.planned, c.lost, c.doubled])
    expect(own.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(c.accepted)
    expect(series.accepted.reduce((sum, n) => sum + n, 0)).toBe(c.accepted)
    expect(faults.map(({ name, observed }) => [name, observed[1]])).toEqual([
      ['postgres kill', 'a new connection met ECONNREFUSED'],
    ])
  }
  const [rest, naive, holdfast] = ['rest', 'naive', 'holdfast'].map(arm)
  observed(`${rest?.faults[0]?.observed.join('; ')}`)
  observed(
    `rest turned ${rest?.counts.refused} of 480 away; naive lost ${naive?.counts.lost}; holdfast held up to ${holdfast?.peakLag} back and lost ${holdfast?.counts.lost}`,
  )
  expect(naive?.examples.lost.length).toBeGreaterThan(0)
  expect(holdfast?.timeline.map(({ text }) => text)).toContain('breaker CLOSED → OPEN')
  expect(holdfast?.series.rows.at(-1)).toBe(480)

  const seconds = progress.flatMap(one =>
    one.kind === 'second' && one.arm === 'holdfast' ? [one.second] : [],
  )
  expect(seconds.length).toBeGreaterThan(8)
  expect(seconds.some(({ faultActive }) => faultActive)).toBe(true)
  expect(seconds.at(-1)).toMatchObject({ accepted: 480, planned: 480, rows: 480 })
})

test('without its fault every check of a loss or a refusal fails', async () => {
  const scenario = outage(4)
  const calm = await experiment({
    ...scenario,
    faults: [],
    arms: scenario.arms.filter(({ as }) => as !== 'naive-fixed'),
  })
  expect(calm.result.arms.map(({ name, problems }) => [name, problems])).toEqual([
    ['rest', []],
    ['naive', []],
    ['holdfast', []],
  ])
  const { checks } = calm.result
  const named = (wanted: boolean): string[] =>
    checks.filter(({ passed }) => passed === wanted).map(({ arm, expression }) => `${arm} ${expression}`)
  // Of the lag nothing is said here: a machine that stalls for a second holds events back without any fault.
  expect(named(false)).toEqual(
    expect.arrayContaining([
      'rest failed_share > 17%',
      'naive lost > 0',
      'naive-fixed lost == 0', // it did not run
    ]),
  )
  expect(named(true)).toEqual(
    expect.arrayContaining([
      'rest lost == 0',
      'holdfast lost == 0',
      'holdfast doubled == 0',
      'holdfast inversions == 0',
    ]),
  )
})

test('collector and consumers are killed while PostgreSQL is away: nothing is lost or doubled, and each end was seen', async () => {
  const scenario = scenarioOf('rest-vs-log', { duration: 12, rate: 40, arms: ['holdfast'] })
  const { arm, result } = await experiment({
    ...scenario,
    faults: [
      { target: 'postgres', fault: 'kill', at: 3, for: 6 },
      { target: 'service', service: 'consumers', fault: 'kill', at: 5, for: 1 },
      { target: 'service', service: 'collector', fault: 'kill', at: 6, for: 1 },
    ],
  })
  const holdfast = arm('holdfast')
  expect(holdfast.problems).toEqual([])
  const seen = Object.fromEntries(holdfast.faults.map(({ name, observed }) => [name, observed[0]]))
  expect(seen).toEqual({
    'postgres kill': expect.stringMatching(/^PostgreSQL \(pid \d+\) and its backends ended by SIGKILL$/),
    'consumers kill': expect.stringMatching(/^consumers \(pid \d+\) ended by SIGKILL$/),
    'collector kill': expect.stringMatching(/^collector \(pid \d+\) ended by SIGKILL$/),
  })
  for (const what of Object.values(seen)) observed(String(what))
  const { counts } = holdfast
  expect(counts).toMatchObject({
    lost: 0,
    doubled: 0,
    ghosts: 0,
    altered: 0,
    inversions: 0,
    aggregates: 0,
    dead: 0,
    pending: 0,
  })
  // Nobody could be answered while the door was gone, and everybody before and after.
  expect(counts.refused + counts.unanswered).toBeGreaterThan(0)
  expect(counts.accepted).toBeGreaterThan(counts.planned / 2)
  const failed = result.checks.filter(({ passed }) => !passed).map(({ expression }) => expression)
  expect(failed).toEqual(['failed_share == 0'])
})
