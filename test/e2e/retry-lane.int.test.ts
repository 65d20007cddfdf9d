import { expect, test } from 'vitest'
import { seededRandom } from '../../src/event/index.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { attack } from './attack.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone, startShared } from './consumers.ts'
import { lettersOf, withLog } from './log-access.ts'
import { appendMixed, kindOf } from './mixed-events.ts'
import { startSystem } from './system.ts'
import { watchGroups } from './watch-groups.ts'
import { watchLane } from './watch-lane.ts'

/** The first and three retries. */
const ATTEMPTS = 4
const BAD_EVERY = 40
const seeds = Array.from({ length: scale({ short: 5, long: 25 }) }, (_, i) => seed + i)

test.each(seeds)(
  'hazards 43, 47: keys fail while consumers are killed, frozen beyond their lease and stopped: each key keeps its order, attempts are as configured, and each dead event has one letter (seed %i)',
  async seed => {
    const groups = ['ailing', 'ailingBatch'] as const
    const { system, consumers } = await startShared({ groups, sessionMs: 2_000 }, 3)
    const lanes = await Promise.all(groups.map(group => watchLane(system, group)))
    const owners = await watchGroups(system, groups)
    const load = await startLoad({
      ...system.load,
      run: 'a',
      ratePerSecond: 120,
      seconds: scale({ short: 12, long: 60 }),
      keys: 60,
      seed,
      odd: { every: BAD_EVERY, body: system.load.body.replace('moved', 'bad') },
    })
    const attacked = await attack(system, consumers, groups, seededRandom(seed))
    const { summary, ledger } = await load.finished()
    await allDone(consumers, groups)
    for (const lane of lanes) await lane.atRest()
    const { changes, backwards } = await owners()
    const seen = lanes.map(lane => lane.seenSoFar())
    observed(
      `${JSON.stringify(attacked)}; partitions changed hands ${changes} times; ${JSON.stringify(seen)}`,
    )

    expect([attacked.killed.length, attacked.frozen.length, attacked.stopped.length]).toEqual([1, 1, 1])
    expect(attacked.openTransactions).toBeGreaterThan(0)
    expect(backwards).toEqual([])
    expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
    const bad = [...ledger.entries.keys()].filter(isBad).toSorted()
    for (const [i, group] of groups.entries()) {
      const { kinds = {}, tenures = 0, attempts } = seen[i] ?? {}
      for (const kind of ['park', 'start', 'attempt', 'closed'])
        expect(kinds[kind], `${kind} in the lane of ${group}`).toBeGreaterThan(0)
      expect(tenures).toBeGreaterThan(8)
      expect(attempts).toBe(ATTEMPTS)
      const letters = await lettersOf(system, group)
      expect(letters.map(({ eventId = '' }) => eventId).toSorted()).toEqual(bad)
      expect(new Set(letters.map(({ reason, attempts }) => `${reason} ${attempts}`))).toEqual(
        new Set([`attempts ${ATTEMPTS}`]),
      )
      expectClean(await auditGroup(system, ledger, group, { dead: bad }))
    }
  },
)

test('hazards 48, 53: PostgreSQL is away for ten times the retry budget while keys wait for their retries, and the consumer is killed three times meanwhile: no letter', async () => {
  const groups = ['ailing'] as const
  const { system, consumers } = await startShared({ groups, sessionMs: 2_000 }, 1)
  const lane = await watchLane(system, 'ailing')
  const load = await startLoad({
    ...system.load,
    run: 'o',
    ratePerSecond: 100,
    seconds: scale({ short: 12, long: 120 }),
    keys: 50,
    seed,
  })
  await until('keys wait in the lane', () => (lane.seenSoFar().kinds['park'] ?? 0) > 10)
  const { pid, refused } = await system.killPostgres()
  expect(await refused()).toBe(10)
  const away = performance.now()
  const seesIt = (): Promise<boolean> =>
    until('the breaker is open', async () => {
      const { breakers = [] } = (await consumers[0]?.status()) ?? {}
      return breakers.some(({ name, state }) => name === 'db' && state !== 'CLOSED')
    })
  await seesIt()
  // 50 + 100 + 200 ms are the budget.
  await until('ten times the budget is over', () => performance.now() - away > 3_500)
  const killed: number[] = []
  for (let i = 0; i < 3; i++) {
    const { signal, pid } = (await consumers[0]?.child.kill()) ?? { signal: null, pid: 0 }
    expect(signal).toBe('SIGKILL')
    killed.push(pid)
    consumers[0] = await system.startConsumer()
    await seesIt()
  }
  expect(await refused()).toBe(10)
  await system.startPostgres()
  const { summary, ledger } = await load.finished()
  await allDone(consumers, groups)
  await lane.atRest()
  const { kinds, attempts } = lane.seenSoFar()
  observed(
    `postmaster ${pid} killed and away for ${Math.round(performance.now() - away)} ms, 20 of 20 connections refused; consumers ${killed.join(', ')} killed meanwhile; lane ${JSON.stringify(kinds)}`,
  )
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  expect(await lettersOf(system, 'ailing')).toEqual([])
  // Each of them fails three times, whatever else happened.
  expect(attempts).toBe(ATTEMPTS - 1)
  expectClean(await auditGroup(system, ledger, 'ailing'))
})

test('hazard 48: an event kills its process each time it runs in the lane: it is given up after three deaths, and the rest flows', async () => {
  const { system, consumers } = await startShared({ groups: ['ailing'] }, 1)
  const lane = await watchLane(system, 'ailing')
  const load = await startLoad({
    ...system.load,
    run: 'd',
    ratePerSecond: 50,
    seconds: 4,
    keys: 20,
    seed,
    odd: { every: 150, body: system.load.body.replace('moved', 'stuck') },
  })
  const { summary, ledger } = await load.finished()
  const deaths: (string | null)[] = []
  const done = lane.atRest().then(() => undefined)
  for (let exit; (exit = await Promise.race([done, consumers[0]?.child.exited]));) {
    deaths.push(exit.signal)
    consumers[0] = await system.startConsumer()
  }
  const { kinds, unfinished } = lane.seenSoFar()
  observed(
    `the consumer ended ${deaths.length} times by SIGKILL within one event; lane ${JSON.stringify(kinds)}`,
  )
  expect(deaths).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL'])
  expect(unfinished).toBeGreaterThanOrEqual(3)
  const letters = await lettersOf(system, 'ailing')
  expect(letters).toMatchObject([{ eventId: 'd-149', eventType: 'stuck', reason: 'process-died' }])
  expect(summary.accepted).toBe(summary.planned)
  expectClean(await auditGroup(system, ledger, 'ailing', { dead: ['d-149'] }))
})

test('1,000 poison events of three causes among 20,000, with the default guard: exactly those are dead, and the causes can be told apart', async () => {
  const system = await startSystem({ groups: ['picky'] })
  const lane = await watchLane(system, 'picky')
  const { ledger, poison } = await withLog(system, log => appendMixed(log, 20_000))
  await system.drained()
  await lane.atRest()
  const letters = await lettersOf(system, 'picky')
  const causes = Object.groupBy(letters, ({ cause }) => cause)
  const counts = Object.values(causes).map(of => of?.length ?? 0)
  observed(`${letters.length} letters of the causes ${Object.keys(causes).join(', ')}: ${counts.join(', ')}`)
  expect(poison).toHaveLength(1_000)
  expect(letters.map(({ eventId = '' }) => eventId).toSorted()).toEqual(poison.toSorted())
  expect(counts.toSorted((a, b) => a - b)).toEqual([333, 333, 334])
  // One cause is that of one kind of poison.
  for (const of of Object.values(causes)) expect(new Set(of?.map(one => kindOf(one.eventId))).size).toBe(1)
  expectClean(await auditGroup(system, ledger, 'picky', { dead: poison }))
  expect((await system.status()).groups.map(({ state }) => state)).toEqual(['running'])
})

/** By the number in its id, as the plan of the load has it. */
function isBad(id: string): boolean {
  return Number(id.slice(id.indexOf('-') + 1)) % BAD_EVERY === BAD_EVERY - 1
}
