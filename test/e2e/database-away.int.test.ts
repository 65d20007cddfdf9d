import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Load } from '../client/plan.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { describeOn, type SharedTestLog } from '../support/test-logs.ts'
import { startSystem } from './system.ts'

/** Shorter than each outage, so that a member that stopped showing itself would be expelled. */
const SESSION_MS = 2_000

/** Kills PostgreSQL under a load, brings it back after `awayMs`, and asserts that nobody outside could tell. */
async function surviveKill(
  on: SharedTestLog,
  load: Pick<Load, 'ratePerSecond' | 'seconds' | 'keys'> & Partial<Load>,
  { killAfterMs, awayMs }: { killAfterMs: number; awayMs: number },
): Promise<void> {
  const groups = ['each', 'batch'] as const
  const system = await startSystem({ on, groups, sessionMs: SESSION_MS })
  const running = await startLoad({ ...system.load, run: 'e', seed, ...load })
  await wait(killAfterMs)
  await until('events are being applied', async () => {
    const { groups } = await system.status()
    return groups.every(({ partitions }) => partitions.some(({ committed }) => committed !== '0'))
  })

  const rebalances = (await system.status()).metric('consumer_group_rebalances_total')
  const { pid, refused } = await system.killPostgres()
  expect(await refused()).toBe(10)
  const open = await until('the breaker opens', async () => {
    const status = await system.status()
    return status.breakers.some(({ name, state }) => name === 'db' && state !== 'CLOSED') && status
  })
  await wait(awayMs)
  const away = await system.status()
  // It waits on the state of the database and on nothing else: no position moves, whatever time it takes.
  expect(away.groups.map(({ partitions }) => partitions.map(({ committed }) => committed))).toEqual(
    open.groups.map(({ partitions }) => partitions.map(({ committed }) => committed)),
  )
  expect(away.breakers.find(({ name }) => name === 'db')?.state).not.toBe('CLOSED')
  expect(Math.max(...away.groups.map(({ lag }) => lag))).toBeGreaterThan(0)
  await system.startPostgres()

  const { summary, ledger } = await running.finished()
  const end = await system.drained()
  const lag = Math.max(...away.groups.map(({ lag }) => lag))
  observed(
    `postmaster ${pid} killed, 10 of 10 connections refused, lag up to ${lag}; p99 of 202s ${summary.acceptedMs.p99} ms`,
  )

  expect(summary).toMatchObject({
    refused: 0,
    unsent: 0,
    unanswered: 0,
    accepted: summary.planned,
    errorSeconds: 0,
  })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  expect(end.breakers.find(({ name }) => name === 'db')?.state).toBe('CLOSED')
  const changes = (from: string, to: string): number =>
    end.metric('circuit_breaker_state_changes_total', { name: 'db', from, to })
  // It opened and closed, and what had waited did not knock the database down again.
  expect([changes('CLOSED', 'OPEN'), changes('HALF_OPEN', 'CLOSED')]).toEqual([1, 1])
  expect(end.metric('consumer_group_rebalances_total')).toBe(rebalances)
  expect(end.groups.map(({ deadLetters }) => deadLetters)).toEqual([0, 0])
}

describeOn(['embedded', 'kafka'], 'an outage of the database', on => {
  test('hazards 51, 53, 54, 55: PostgreSQL is killed under 50 events a second for longer than every timer: nobody is refused, nothing is lost, doubled, out of order or dead, no member is expelled, and the breaker opens once', () =>
    surviveKill(
      on,
      { ratePerSecond: 50, seconds: scale({ short: 20, long: 300 }), keys: 50 },
      // The group `each` has three attempts within 0.3 s and probes begin after 1 s.
      scale({ short: { killAfterMs: 3_000, awayMs: 8_000 }, long: { killAfterMs: 30_000, awayMs: 120_000 } }),
    ))
})

describeOn(['embedded'], 'an outage of the database', on => {
  test('2,000 events a second on 10,000 keys: the same', () =>
    surviveKill(
      on,
      { ratePerSecond: 2_000, seconds: scale({ short: 3, long: 30 }), keys: 10_000 },
      { killAfterMs: 1_000, awayMs: scale({ short: 2_500, long: 10_000 }) },
    ))

  test('2,000 events a second on 64 keys by Zipf, where a fifth goes to one key: the same', () =>
    surviveKill(
      on,
      { ratePerSecond: 2_000, seconds: scale({ short: 3, long: 30 }), keys: 64, zipf: 1 },
      { killAfterMs: 1_000, awayMs: scale({ short: 2_500, long: 10_000 }) },
    ))
})
