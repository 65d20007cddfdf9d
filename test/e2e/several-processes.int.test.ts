import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import type { MovesOptions } from '../apps/moves-app.ts'
import { auditGroup, expectClean } from './audited.ts'
import { freezeBetweenCommits } from './freeze.ts'
import { startSystem, type Consumer, type System } from './system.ts'
import { watchGroups } from './watch-groups.ts'

const groups = ['each', 'batch'] as const
const PARTITIONS = 8

/** Partitions of each group that some process runs, by who says so. */
async function running(consumers: readonly Consumer[]): Promise<Set<string>> {
  const statuses = await Promise.all(consumers.map(one => one.status().catch(() => undefined)))
  return new Set(
    statuses.flatMap(
      status =>
        status?.groups.flatMap(group =>
          group.partitions.flatMap(one => (one.state === 'running' ? `${group.group}/${one.partition}` : [])),
        ) ?? [],
    ),
  )
}

async function startShared(
  leases: Pick<MovesOptions, 'sessionMs' | 'beatMs'>,
  consumers: number,
): Promise<{ system: System; consumers: Consumer[] }> {
  const system = await startSystem({ groups, ...leases, roles: ['collector'] })
  const started: Consumer[] = []
  for (let i = 0; i < consumers; i++) started.push(await system.startConsumer())
  await until('all partitions run', async () => (await running(started)).size === groups.length * PARTITIONS)
  return { system, consumers: started }
}

async function drained(consumers: readonly Consumer[]): Promise<void> {
  await until(
    'every group has done everything',
    async () => {
      const statuses = await Promise.all(consumers.map(one => one.status()))
      return (
        (await running(consumers)).size === groups.length * PARTITIONS &&
        statuses.every(one => one.groups.every(group => group.lag === 0))
      )
    },
    300_000,
  )
}

test('hazard 34: three consumer processes restarted one after another under load: nothing lost, doubled or out of order, and no partition without an owner for long', async () => {
  // Neither a lease that runs out nor a beat could hand over in the time that is allowed below: only being woken can.
  const { system, consumers } = await startShared({ sessionMs: 120_000, beatMs: 60_000 }, 3)
  const seconds = scale({ short: 15, long: 120 })
  const load = await startLoad({
    ...system.load,
    run: 'r',
    ratePerSecond: scale({ short: 300, long: 1_000 }),
    seconds,
    keys: 200,
    seed,
  })
  const owners = await watchGroups(system, groups)
  const restarts: string[] = []
  for (let i = 0; i < consumers.length; i++) {
    await wait((seconds * 1_000) / 8)
    const old = consumers[i]
    const { pid, code } = (await old?.child.terminate()) ?? { pid: 0, code: -1 }
    expect(code).toBe(0)
    const next = await system.startConsumer()
    consumers[i] = next
    restarts.push(`${pid}→${next.child.pid}`)
    await until(
      'all partitions run',
      async () => (await running(consumers)).size === groups.length * PARTITIONS,
    )
  }
  const { summary, ledger } = await load.finished()
  await drained(consumers)
  const { longestUnownedMs, longestStandstillMs, changes, backwards } = await owners()
  observed(
    `consumers ${restarts.join(', ')}; partitions changed hands ${changes} times, at most ${longestUnownedMs} ms without an owner and ${longestStandstillMs} ms without progress`,
  )
  expect(new Set(restarts).size).toBe(3)
  expect(changes).toBeGreaterThanOrEqual(groups.length * PARTITIONS)
  expect(backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  const limitMs = scale({ short: 10_000, long: 2_000 }) // other work on the machine must not fail the short form
  expect(longestUnownedMs).toBeLessThan(limitMs)
  expect(longestStandstillMs).toBeLessThan(limitMs)
})

test('hazard 35: a consumer that is killed, and one that is frozen beyond its lease and comes back, cost nothing', async () => {
  const { system, consumers } = await startShared({ sessionMs: 2_000 }, 3)
  const seconds = scale({ short: 15, long: 120 })
  const load = await startLoad({
    ...system.load,
    run: 'z',
    ratePerSecond: scale({ short: 200, long: 1_000 }),
    seconds,
    keys: 200,
    seed,
  })
  const owners = await watchGroups(system, groups)
  await wait(2_000)
  const [killed, frozen, ...others] = consumers
  if (!killed || !frozen) throw new Error('no consumers')
  const before = (await Promise.all(others.map(one => one.status()))).map(one =>
    one.metric('consumer_group_rebalances_total'),
  )
  const { signal } = await killed.child.kill()
  expect(signal).toBe('SIGKILL')
  await freezeBetweenCommits(frozen.child, system)
  await until(
    'the last one runs everything',
    async () => (await running(others)).size === groups.length * PARTITIONS,
  )
  await frozen.child.thaw()
  await until('the frozen one runs something again', async () => (await running([frozen])).size > 0)
  const { summary, ledger } = await load.finished()
  await drained([frozen, ...others])
  const after = (await Promise.all(others.map(one => one.status()))).map(one =>
    one.metric('consumer_group_rebalances_total'),
  )
  observed(
    `pid ${killed.child.pid} killed, pid ${frozen.child.pid} frozen until all was taken over; rebalances ${String(before)} → ${String(after)}`,
  )
  expect(after[0]).toBeGreaterThan(before[0] ?? 0)
  expect((await owners()).backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})
