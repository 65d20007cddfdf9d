import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { moves } from '../apps/moves-topic.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone, allRun, running, startShared } from './consumers.ts'
import { freezeWithinTransactions } from './freeze.ts'
import { evidenceOf } from './store.ts'
import type { Consumer } from './system.ts'
import { watchGroups } from './watch-groups.ts'

test('hazards 34, 38: members join and leave every three seconds while handlers take up to five: nothing lost, doubled or out of order, and no position moves back', async () => {
  const groups = ['slow', 'batch'] as const
  const { system, consumers: stays } = await startShared({ groups }, 1)
  const seconds = scale({ short: 12, long: 600 })
  const load = await startLoad({
    ...system.load,
    run: 'm',
    ratePerSecond: scale({ short: 100, long: 60 }),
    seconds,
    keys: 500,
    seed,
  })
  const owners = await watchGroups(system, groups)
  const ends = performance.now() + seconds * 1_000
  const gone: number[] = []
  let guest: Consumer | undefined
  while (performance.now() < ends) {
    await wait(3_000)
    if (guest === undefined) {
      guest = await system.startConsumer()
      continue
    }
    const { pid, code } = await guest.child.terminate()
    expect(code).toBe(0)
    gone.push(pid)
    guest = undefined
  }
  const all = [...stays, ...(guest === undefined ? [] : [guest])]
  const { summary, ledger } = await load.finished()
  await allDone(all, groups)
  const { changes, backwards, samples, longestStandstillMs } = await owners()
  observed(
    `${gone.length} members left within handlers, partitions changed hands ${changes} times; ${samples} looks at positions and epochs, none went back; at most ${longestStandstillMs} ms without progress`,
  )
  expect(gone.length).toBeGreaterThan(0)
  expect(changes).toBeGreaterThan(moves.partitions)
  expect(backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})

test('hazard 36: a partition that comes back to its frozen owner under a new epoch is moved by nothing that owner had under way', async () => {
  const groups = ['slow', 'each'] as const
  const { system, consumers } = await startShared({ groups, sessionMs: 2_000 }, 1)
  const [first] = consumers
  if (!first) throw new Error('no consumer')
  const load = await startLoad({
    ...system.load,
    run: 'b',
    ratePerSecond: 100,
    seconds: scale({ short: 12, long: 120 }),
    keys: 200,
    seed,
  })
  const owners = await watchGroups(system, groups)
  let [open, ended] = [0, 0]
  const rounds = scale({ short: 1, long: 10 })
  for (let round = 0; round < rounds; round++) {
    await wait(2_000)
    open += await freezeWithinTransactions(first.child, system)
    const other = await system.startConsumer()
    await allRun([other], groups)
    ended += other.child.stderr.filter(line => line.includes('terminated database connections')).length
    expect((await other.child.terminate()).code).toBe(0)
    await first.child.thaw()
    await allRun([first], groups)
  }
  const { summary, ledger } = await load.finished()
  await allDone([first], groups)
  const { changes, backwards } = await owners()
  observed(
    `pid ${first.child.pid} frozen ${rounds} times, with ${open} transactions open, ${ended} ended by the successor; partitions changed hands ${changes} times and came back to it`,
  )
  expect(open).toBeGreaterThan(0)
  expect(changes).toBeGreaterThanOrEqual(2 * groups.length * moves.partitions)
  expect(backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})

test('hazard 33: a process is killed within a handler while later events of its partition are done: the position waits below it, and it is delivered again', async () => {
  const groups = ['patient'] as const
  const { system, consumers } = await startShared({ groups, stuckMs: 600_000 }, 1)
  const [consumer] = consumers
  if (!consumer) throw new Error('no consumer')
  const load = await startLoad({
    ...system.load,
    run: 'p',
    ratePerSecond: 100,
    seconds: scale({ short: 6, long: 60 }),
    keys: 100,
    seed,
    // A handler works on these for ten minutes.
    odd: { every: 200, body: '{"type":"stuck","id":"{id}","data":{data}}' },
  })
  const owners = await watchGroups(system, groups)
  const [, id, place, offset = ''] = await consumer.child.line(/^works on (\S+) at (\d+)\/(\d+)$/)
  const { summary, ledger } = await load.finished()
  // Later ones of the same partition have their effect, and still the position does not pass the one under way.
  const later = await until('later events of the partition are done', async () => {
    const { rows } = await evidenceOf(system.databaseUrl, 'patient')
    const above = rows.filter(
      ({ at }) => String(at?.partition) === place && (at?.offset ?? 0n) > BigInt(offset),
    )
    return above.length > 0 && above.length
  })
  await until('the position stands at the one under way', async () => {
    const [group] = (await consumer.status()).groups
    const committed = group?.partitions.find(one => String(one.partition) === place)?.committed
    expect(BigInt(committed ?? -1)).toBeLessThanOrEqual(BigInt(offset))
    return committed === offset
  })
  expect((await consumer.child.kill()).signal).toBe('SIGKILL')
  const next = await system.startConsumer({ stuckMs: 0 })
  await next.child.line(new RegExp(`^works on ${id} at ${place}/${offset}$`))
  await allDone([next], groups)
  observed(`pid ${consumer.child.pid} killed within ${id} with ${later} later ones done; delivered again`)
  expect((await owners()).backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  expectClean(await auditGroup(system, ledger, 'patient'))
})

test('hazard 40: a handler that blocks its process for five seconds costs no event and no member its place', async () => {
  const groups = ['blocking'] as const
  const { system, consumers } = await startShared({ groups, sessionMs: 10_000 }, 2)
  const rate = 100
  const load = await startLoad({
    ...system.load,
    run: 'l',
    ratePerSecond: rate,
    seconds: scale({ short: 8, long: 120 }),
    keys: 200,
    seed,
    odd: { every: rate * 7, body: '{"type":"stuck","id":"{id}","data":{data}}' },
  })
  const owners = await watchGroups(system, groups)
  const { summary, ledger } = await load.finished()
  await allDone(consumers, groups)
  const blocked = consumers.flatMap(({ child }) =>
    child.stdout.flatMap(line => /^blocked (\d+)$/.exec(line)?.[1] ?? []),
  )
  const { changes, backwards } = await owners()
  observed(`event loop blocked for ${blocked.join(', ')} ms; partitions changed hands ${changes} times`)
  expect(blocked.length).toBeGreaterThan(0)
  expect(changes).toBe(0)
  expect(backwards).toEqual([])
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  expect((await running(consumers)).size).toBe(groups.length * moves.partitions)
})
