import { describe, expect, test } from 'vitest'
import { verifyLog } from '../../src/drivers/embedded/index.ts'
import type { Offset } from '../../src/event/index.ts'
import type { Ledger } from '../../src/testing/audit/index.ts'
import { moves } from '../apps/moves-topic.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { fileKafka, noOwnKafka } from '../kafka.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone } from './consumers.ts'
import { lettersOf, withLog } from './log-access.ts'
import { appendMixed, kindOf } from './mixed-events.ts'
import { folder, Move, offsetsIn, within, type MoveReport } from './move.ts'
import { startSystem, type Consumer, type System } from './system.ts'

/** Waits until a group has passed so many events, with so many of them waiting for a retry. */
async function midway(consumer: Consumer, events: number, parked = 0): Promise<void> {
  await until('the group is midway', async () => {
    const [group] = (await consumer.status()).groups
    const passed = group?.partitions.reduce((sum, { committed }) => sum + Number(committed), 0) ?? 0
    return passed >= events && (group?.parked ?? 0) >= parked
  })
}

/** Deletes the events that all groups have passed, as retention does. Answers how many are gone. */
async function deletePassed(system: System): Promise<bigint> {
  return within(system, async ({ log, groups }) => {
    const passed = new Map<number, Offset>()
    for (const group of await groups.list()) {
      for (const { topic, partition, offset } of await groups.committed(group)) {
        const before = passed.get(partition)
        if (topic === moves.name && (before === undefined || offset < before)) passed.set(partition, offset)
      }
    }
    let gone = 0n
    for (const [partition, offset] of passed) {
      await log.deleteRecords({ topic: moves.name, partition, offset })
      gone += (await log.bounds({ topic: moves.name, partition })).start
    }
    return gone
  })
}

/** Three groups at different places, of which one has letters and one was killed with retries open; nothing runs any more. */
async function standing(
  system: System,
): Promise<{ ledger: Ledger; poison: readonly string[]; gone: bigint }> {
  const events = await withLog(system, log => appendMixed(log, scale({ short: 2_500, long: 20_000 })))
  const picky = await system.startConsumer({ groups: ['picky'] })
  await allDone([picky], ['picky'])
  await picky.child.terminate()
  const each = await system.startConsumer({ groups: ['each'] })
  await midway(each, 1_000)
  await each.child.terminate()
  // So late that those which fail are still there when the group has committed that it passed them.
  const flaky = await system.startConsumer({ groups: ['flaky'], retryAfter: '10s' })
  await midway(flaky, 500, 5)
  await flaky.child.kill()
  await system.app.terminate()
  return { ...events, gone: await deletePassed(system) }
}

const groups = ['picky', 'flaky', 'each'] as const
/** Which of the three kinds of poison a group gives up; `flaky` has no handler for one of the others. */
const dies = { picky: [0, 1, 2], each: [1, 2], flaky: [2] } as const
const skips = { picky: [], each: [], flaky: [1] } as const

const of = (poison: readonly string[], kinds: readonly number[]): string[] =>
  poison.filter(id => kinds.includes(kindOf(id))).toSorted()

async function movesWhatStands(move: Move): Promise<void> {
  const { system } = move
  const { ledger, poison, gone } = await standing(system)
  expect(gone).toBeGreaterThan(0n)
  const before = await move.report('--dry-run')
  const waiting = before.backlogs.find(({ group }) => group === 'flaky')?.parked ?? 0
  expect(waiting).toBeGreaterThan(0)
  expect(before.backlogs.find(({ group }) => group === 'picky')?.letters).toBe(poison.length)
  expect(before.partitions.reduce((sum, { passed }) => sum + BigInt(passed), 0n)).toBeGreaterThanOrEqual(gone)

  const there = move.there()
  const all = await offsetsIn(system)
  const deaths: string[] = []
  for (const dieAt of ['append 4', 'read 20', 'positions 2']) {
    const { signal } = await (await move.command([], dieAt)).exited
    expect(signal).toBe('SIGKILL')
    deaths.push(`${signal} before ${dieAt}, with offsets up to ${await offsetsIn(there)} of ${all}`)
    expect((await offsetsIn(there)) < all).toBe(dieAt.startsWith('append'))
  }
  const moved = await move.report()
  observed(
    `${deaths.join('; ')}; ${waiting} retries and ${poison.length} letters moved; ${gone} events were deleted before`,
  )
  expect(moved.positions.every(({ group, lag }) => (group === 'picky') === (lag === '0'))).toBe(true)
  await expect(system.openLog()).rejects.toMatchObject({ code: 'LOG_MOVED' })

  const next = await system.startConsumer({ groups, ...move.copy })
  await allDone([next], groups)
  for (const group of groups) {
    const dead = of(poison, dies[group])
    const letters = await lettersOf(there, group)
    expect(letters.map(({ eventId = '' }) => eventId).toSorted()).toEqual(dead)
    expectClean(await auditGroup(system, ledger, group, { dead, skipped: of(poison, skips[group]) }))
  }
}

test('a log whose groups stand at different places, with letters, waiting retries and its front deleted, is moved to another folder by a command that is killed three times: each group goes on where it stood', async () => {
  const move = new Move(await startSystem({ groups, roles: ['collector'], data: folder() }))
  await movesWhatStands(move)
  expect(await verifyLog(move.copy.data)).toMatchObject({ ok: true })
})

describe.skipIf(noOwnKafka)('on Kafka', () => {
  const kafka = fileKafka(() => ({}))

  test('the same log is moved to Kafka by a command that is killed three times: each group goes on where it stood', async () => {
    const system = await startSystem({ groups, roles: ['collector'], data: folder() })
    await movesWhatStands(new Move(system, kafka.cluster.brokers.split(',')))
  })
})

test('a log is copied while it is in use, and moved when its app has stopped: what was accepted until then is applied once, on the new one', async () => {
  const groups = ['each', 'flaky'] as const
  const system = await startSystem({ groups, data: folder() })
  const move = new Move(system)
  expect(await (await move.command([])).exited).toMatchObject({ code: 4 })
  const seconds = scale({ short: 8, long: 120 })
  const load = await startLoad({ ...system.load, run: 'f', ratePerSecond: 200, seconds, keys: 100, seed })
  const command = await move.command(['--follow', '-o', 'json'])
  await until('it follows', () => command.stderr.some(line => line.endsWith(` ${system.app.pid}`)))
  const after = load.ledgerSoFar().entries.size
  await until('more is accepted', () => load.ledgerSoFar().entries.size > after + 200)
  await system.app.terminate()
  const { ledger } = await load.finished()
  expect(await command.exited).toMatchObject({ code: 0 })
  const { partitions } = JSON.parse(command.stdout.join('\n')) as MoveReport
  const records = partitions.reduce((sum, { records }) => sum + records, 0)
  observed(
    `followed from ${after} events on, in use by ${system.app.pid}; ${records} records of all topics moved`,
  )
  const next = await system.startConsumer(move.copy)
  await allDone([next], groups)
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  const accepted = [...ledger.entries.values()].filter(({ outcome }) => outcome === 'accepted').length
  expect(accepted).toBeGreaterThan(after)
})
