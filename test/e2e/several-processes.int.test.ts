import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test as base } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { noOwnKafka, ownKafka } from '../kafka.ts'
import { moves } from '../apps/moves-topic.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone, allRun, running, startShared } from './consumers.ts'
import { freezeWithinTransactions } from './freeze.ts'
import { watchGroups } from './watch-groups.ts'

const groups = ['each', 'batch'] as const

describe.each(['an embedded log', 'Kafka'] as const)('on %s', on => {
  const test = base.skipIf(on === 'Kafka' && noOwnKafka !== undefined)

  test('hazard 34: three consumer processes restarted one after another under load: nothing lost, doubled or out of order, and no partition without an owner for long', async () => {
    // Neither a lease that runs out nor a beat could hand over in the time that is allowed below: only being woken can.
    const { system, consumers } = await startShared(
      { groups, brokers: await brokersOf(on), sessionMs: 120_000, beatMs: 60_000 },
      3,
    )
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
      await allRun(consumers, groups)
    }
    const { summary, ledger } = await load.finished()
    await allDone(consumers, groups)
    const { longestUnownedMs, longestStandstillMs, changes, backwards } = await owners()
    observed(
      `consumers ${restarts.join(', ')}; partitions changed hands ${changes} times, at most ${longestUnownedMs} ms without an owner and ${longestStandstillMs} ms without progress; answers ${JSON.stringify(summary.why)}`,
    )
    expect(new Set(restarts).size).toBe(3)
    expect(changes).toBeGreaterThanOrEqual(groups.length * moves.partitions)
    expect(backwards).toEqual([])
    expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
    // Other work on the machine must not fail the short form.
    expect(longestUnownedMs).toBeLessThan(scale({ short: 20_000, long: 2_000 }))
    // More than what is promised: from the last commit of one owner to the first of the next, its start and take-over
    // included. 2.0 s where the machine has nothing else to do.
    expect(longestStandstillMs).toBeLessThan(scale({ short: 20_000, long: 5_000 }))
  })

  test('hazard 35: a consumer that is killed, and one that is frozen beyond its lease within transactions and comes back, cost nothing', async () => {
    const groups = ['each', 'batch', 'slow'] as const
    const { system, consumers } = await startShared(
      { groups, brokers: await brokersOf(on), sessionMs: 2_000 },
      3,
    )
    const seconds = scale({ short: 15, long: 120 })
    const load = await startLoad({
      ...system.load,
      run: 'z',
      ratePerSecond: scale({ short: 150, long: 100 }),
      seconds,
      keys: 200,
      seed,
    })
    const owners = await watchGroups(system, groups)
    const [killed, frozen, last] = consumers
    if (!killed || !frozen || !last) throw new Error('no consumers')
    const rebalances = async (): Promise<number> =>
      (await last.status()).metric('consumer_group_rebalances_total')
    const before = await rebalances()
    await wait(2_000)
    const { signal } = await killed.child.kill()
    expect(signal).toBe('SIGKILL')
    const open = await freezeWithinTransactions(frozen.child, system)
    await allRun([last], groups)
    // It stood in the middle of transactions: the server had to be told to end them.
    const ended = last.child.stderr.filter(line => line.includes('terminated database connections')).length
    await frozen.child.thaw()
    await until('the frozen one runs something again', async () => (await running([frozen])).size > 0)
    const { summary, ledger } = await load.finished()
    await allDone([frozen, last], groups)
    const after = await rebalances()
    observed(
      `pid ${killed.child.pid} killed, pid ${frozen.child.pid} frozen until all was taken over, with ${open} transactions open, ${ended} ended by the successor; rebalances of the last one ${before} → ${after}; answers ${JSON.stringify(summary.why)}`,
    )
    expect(open).toBeGreaterThan(0)
    expect(after).toBeGreaterThan(before)
    expect((await owners()).backwards).toEqual([])
    expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })
})

async function brokersOf(on: 'an embedded log' | 'Kafka'): Promise<readonly string[] | undefined> {
  return on === 'Kafka' ? (await ownKafka()).brokers.split(',') : undefined
}
