import { expect, test } from 'vitest'
import { builtIns } from './built-in.ts'
import type { Known } from './check-scenario.ts'
import { chooseScenario } from './choose-scenario.ts'
import { parseScenario } from './read-scenario.ts'

const known: Known = {
  arms: [
    { name: 'rest', flags: {} },
    { name: 'naive', flags: { 'pause-when-open': 'waits' } },
    { name: 'holdfast', flags: { 'four-groups': 'two more' } },
    { name: 'naive-kafkajs', flags: {} },
    { name: 'holdfast-kafka', flags: {} },
  ],
  dependencies: ['cache'],
}

const file = `name: my-outage
title: The database is slow, then gone
hypothesis: Nobody is turned away.
arms:
  - holdfast
  - { arm: naive, as: naive-fixed, flags: [pause-when-open] }
load:
  timeout: 500ms
  phases:
    - { name: base, for: 30s, rate: 50 }
    - { name: burst, for: 1m, rate: 100 }
faults:
  - { target: postgres, fault: slow, at: 10s, for: 10s }
  - { target: service, service: consumer, fault: kill, at: 15s, for: 2s }
  - { target: dependency, dependency: cache, fault: kill, at: 30s, for: 5s }
  - { target: load, fault: poison, every: 100, at: 0s, for: 90s }
checks:
  - { arm: holdfast, expression: lost == 0, because: it keeps what it accepted }
drain: 2m
`

test('a file says a scenario, with durations as people write them', () => {
  expect(parseScenario(file, 'outage.yaml', known)).toEqual({
    name: 'my-outage',
    title: 'The database is slow, then gone',
    hypothesis: 'Nobody is turned away.',
    mode: 'sequence',
    arms: [
      { arm: 'holdfast', as: 'holdfast', flags: [] },
      { arm: 'naive', as: 'naive-fixed', flags: ['pause-when-open'] },
    ],
    load: {
      keys: 50,
      zipf: 0,
      timeoutMs: 500,
      maxInFlight: 2_000,
      phases: [
        { name: 'base', seconds: 30, rate: 50 },
        { name: 'burst', seconds: 60, rate: 100 },
      ],
    },
    faults: [
      { target: 'postgres', fault: 'slow', at: 10, for: 10 },
      { target: 'service', service: 'consumer', fault: 'kill', at: 15, for: 2 },
      { target: 'dependency', dependency: 'cache', fault: 'kill', at: 30, for: 5 },
      { target: 'load', fault: 'poison', every: 100, at: 0, for: 90 },
    ],
    checks: [{ arm: 'holdfast', expression: 'lost == 0', because: 'it keeps what it accepted' }],
    drainSeconds: 120,
  })
})

const complaint = (change: readonly [string, string]): string => {
  expect(file).toContain(change[0])
  try {
    parseScenario(file.replace(change[0], change[1]), 'outage.yaml', known)
    return 'no complaint'
  } catch (error) {
    return (error as Error).message.replace(/^.*?: outage\.yaml: /, '')
  }
}

test.each([
  [
    ['fault: slow', 'fault: explode'],
    'line 13:25 faults[0].fault: found "explode"; allowed: kill, stop, reset, slow, disk-full',
  ],
  [
    ['target: service', 'target: serv'],
    'line 14:7 faults[1].target: found "serv"; allowed: postgres, service, dependency or load',
  ],
  [
    ['for: 30s', 'for: soon'],
    'line 10:21 load.phases[0].for: found "soon"; allowed: a duration such as 45s, 2m or 500ms',
  ],
  [
    ['rate: 50 ', 'rate: many '],
    'line 10:31 load.phases[0].rate: found "many"; allowed: expected number, received string',
  ],
  [['drain: 2m', 'drane: 2m'], 'line 1:1 the file: drane is not a setting here'],
  [
    ['title: The database is slow, then gone\n', ''],
    'line 1:1 title: is missing; allowed: expected string, received undefined',
  ],
  [
    ['- holdfast', '- holdfist'],
    'line 5:5 arms[0]: there is no arm holdfist; allowed: rest, naive, holdfast, naive-kafkajs, holdfast-kafka',
  ],
  [['flags: [pause-when-open]', 'flags: [hope]'], 'naive has no flag hope; allowed: pause-when-open'],
  [['as: naive-fixed', 'as: holdfast'], 'two arms are called holdfast'],
  [
    ['at: 10s, for: 10s', 'at: 85s, for: 10s'],
    'line 13:47 faults[0].for: ends 95 s after the start; the load ends after 90 s',
  ],
  [['dependency: cache', 'dependency: cash'], 'there is no dependency cash; allowed: cache'],
  [['expression: lost == 0', 'expression: lots == 0'], 'there is no measure lots; allowed: planned, '],
  [['expression: lost == 0', 'expression: lost is 0'], 'is not "MEASURE OPERATOR VALUE"'],
  [['arm: holdfast,', 'arm: rest,'], 'there is no arm rest in this scenario; allowed: holdfast, naive-fixed'],
  [['arms:', 'arms: ['], 'line '],
] as const)('%j is refused with line, path, what was found and what is allowed', (change, message) => {
  expect(complaint(change)).toContain(message)
})

test('every built-in scenario can run, at every length', () => {
  for (const name of Object.keys(builtIns)) {
    for (const changes of [{}, { duration: 45 }, { duration: 12, rate: 200 }]) {
      const scenario = chooseScenario(name, changes, known)
      expect(scenario.checks.length).toBeGreaterThan(3)
      expect(scenario.title.length).toBeLessThan(95)
    }
  }
})

test('changes keep proportions, and the checks follow them', () => {
  const scenario = chooseScenario(
    'rest-vs-log',
    { duration: 45, rate: 100, arms: ['holdfast', 'rest'] },
    known,
  )
  expect(scenario.arms.map(({ as }) => as)).toEqual(['holdfast', 'rest'])
  expect(scenario.load.phases).toEqual([{ name: 'load', seconds: 45, rate: 100 }])
  expect(scenario.faults).toEqual([{ target: 'postgres', fault: 'kill', at: 15, for: 15 }])
  const expressions = scenario.checks.map(({ arm, expression }) => `${arm} ${expression}`)
  expect(expressions).toContain('rest failed_share > 17%')
  expect(expressions).toContain('holdfast peak_lag > 750')
  expect(expressions.some(text => text.startsWith('naive'))).toBe(false)

  const long = chooseScenario('rest-vs-log', { fault: 'stop', faultAt: 10, faultFor: 60 }, known)
  expect(long.faults).toEqual([{ target: 'postgres', fault: 'stop', at: 10, for: 60 }])
  expect(long.checks[0]?.expression).toBe('failed_share > 25%')
})

test('assertions of the command line replace the checks, for one arm or for all', () => {
  const asserts = ['lost == 0', 'rest: failed_share > 10%']
  const { checks } = chooseScenario('demo', { asserts }, known)
  expect(checks.map(({ arm, expression }) => [arm, expression])).toEqual([
    ['rest', 'lost == 0'],
    ['holdfast', 'lost == 0'],
    ['rest', 'failed_share > 10%'],
  ])
  expect(() => chooseScenario('demo', { asserts: ['lots == 0'] }, known)).toThrow(/no measure lots/)
  expect(() => chooseScenario('nothing', {}, known)).toThrow(
    /scenarios are rest-vs-log, published, burst, high-rate, on-kafka, demo/,
  )
  expect(() => chooseScenario('burst', { fault: 'kill' }, known)).toThrow(/--fault-at and --fault-for/)
})
