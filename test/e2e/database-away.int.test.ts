import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Load } from '../client/plan.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { startSystem } from './system.ts'

/** Kills PostgreSQL under a load, brings it back after `awayMs`, and asserts that nobody outside could tell. */
async function surviveKill(
  load: Pick<Load, 'ratePerSecond' | 'seconds' | 'keys'> & Partial<Load>,
  { killAfterMs, awayMs }: { killAfterMs: number; awayMs: number },
): Promise<void> {
  const groups = ['each', 'batch'] as const
  const system = await startSystem({ groups })
  const running = await startLoad({ ...system.load, run: 'e', seed, ...load })
  await wait(killAfterMs)
  await until('events are being applied', async () => {
    const { groups } = await system.status()
    return groups.every(({ partitions }) => partitions.some(({ committed }) => committed !== '0'))
  })

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
  expect(
    end.metric('circuit_breaker_state_changes_total', { name: 'db', from: 'CLOSED', to: 'OPEN' }),
  ).toBeGreaterThanOrEqual(1)
  expect(
    end.metric('circuit_breaker_state_changes_total', { name: 'db', from: 'HALF_OPEN', to: 'CLOSED' }),
  ).toBeGreaterThanOrEqual(1)
  expect(end.groups.map(({ deadLetters }) => deadLetters)).toEqual([0, 0])
}

test('hazards 53, 54: PostgreSQL is killed under 50 events a second for longer than every timer: nobody is refused, nothing is lost, doubled, out of order or dead', () =>
  surviveKill(
    { ratePerSecond: 50, seconds: scale({ short: 20, long: 300 }), keys: 50 },
    // The group `each` has three attempts within 0.3 s and probes begin after 1 s.
    scale({ short: { killAfterMs: 3_000, awayMs: 8_000 }, long: { killAfterMs: 30_000, awayMs: 120_000 } }),
  ))

test('2,000 events a second on 10,000 keys: the same', () =>
  surviveKill(
    { ratePerSecond: 2_000, seconds: scale({ short: 8, long: 30 }), keys: 10_000 },
    { killAfterMs: 2_000, awayMs: scale({ short: 3_000, long: 10_000 }) },
  ))

test('2,000 events a second on 64 keys by Zipf, where a fifth goes to one key: the same', () =>
  surviveKill(
    { ratePerSecond: 2_000, seconds: scale({ short: 8, long: 30 }), keys: 64, zipf: 1 },
    { killAfterMs: 2_000, awayMs: scale({ short: 3_000, long: 10_000 }) },
  ))
