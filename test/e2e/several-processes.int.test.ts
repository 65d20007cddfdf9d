import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { freezeBetweenCommits } from './freeze.ts'
import { startSystem, type Consumer, type System } from './system.ts'

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

/** Watches until told to stop; answers the longest time that a partition was run by nobody, in milliseconds. */
function watchGaps(consumers: () => readonly Consumer[]): () => Promise<number> {
  const since = new Map<string, number>()
  let longest = 0
  let on = true
  const watching = (async () => {
    while (on) {
      const runs = await running(consumers())
      const now = performance.now()
      for (const group of groups) {
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const name = `${group}/${partition}`
          if (runs.has(name)) since.delete(name)
          else longest = Math.max(longest, now - (since.get(name) ?? (since.set(name, now), now)))
        }
      }
      await wait(100)
    }
  })()
  return async () => {
    on = false
    await watching
    return longest
  }
}

async function startShared(
  sessionMs: number,
  consumers: number,
): Promise<{ system: System; consumers: Consumer[] }> {
  const system = await startSystem({ groups, sessionMs, roles: ['collector'] })
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
  const { system, consumers } = await startShared(10_000, 3)
  const seconds = scale({ short: 15, long: 120 })
  const load = await startLoad({
    ...system.load,
    run: 'r',
    ratePerSecond: scale({ short: 300, long: 1_000 }),
    seconds,
    keys: 200,
    seed,
  })
  const gaps = watchGaps(() => consumers)
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
  const longest = await gaps()
  observed(`consumers ${restarts.join(', ')}; longest time without an owner ${Math.round(longest)} ms`)
  expect(new Set(restarts).size).toBe(3)
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  // 2 s on a machine of its own; shared ones are given more.
  expect(longest).toBeLessThan(10_000)
})

test('hazard 35: a consumer that is killed, and one that is frozen beyond its lease and comes back, cost nothing', async () => {
  const { system, consumers } = await startShared(2_000, 3)
  const seconds = scale({ short: 15, long: 120 })
  const load = await startLoad({
    ...system.load,
    run: 'z',
    ratePerSecond: scale({ short: 200, long: 1_000 }),
    seconds,
    keys: 200,
    seed,
  })
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
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})
