import { join } from 'node:path'
import { expect, test } from 'vitest'
import { embedded, verifyLog } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom, type Offset } from '../../src/event/index.ts'
import type { LogSystem } from '../../src/log/index.ts'
import { moves } from '../apps/moves-topic.ts'
import { startChild, type Child } from '../harness/child.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone } from './consumers.ts'
import { lettersOf, withLog } from './log-access.ts'
import { appendMixed, kindOf } from './mixed-events.ts'
import { startSystem, type Consumer, type System } from './system.ts'

const root = join(import.meta.dirname, '../..')

interface Report {
  readonly partitions: readonly {
    readonly topic: string
    readonly passed: string
    readonly records: number
  }[]
  readonly positions: readonly { readonly group: string; readonly offset: string; readonly lag: string }[]
  readonly backlogs: readonly { readonly group: string; readonly parked: number; readonly letters: number }[]
}

function migrate(system: System, options: readonly string[], dieAt = ''): Promise<Child> {
  const to = ['--to', 'embedded', '--app', join(root, 'test/apps/copy.ts')]
  return startChild({
    name: 'holdfast log migrate',
    args: [
      join(root, 'bin/holdfast.js'),
      'log',
      'migrate',
      '--from',
      'embedded',
      '--log',
      system.data,
      ...to,
      ...options,
    ],
    env: { COPY: copyOf(system), DIE_AT: dieAt },
    cwd: root,
  })
}

const copyOf = (system: System): string => `${system.data} moved`

async function report(system: System, ...options: readonly string[]): Promise<Report> {
  const command = await migrate(system, ['-o', 'json', ...options])
  const { code } = await command.exited
  expect(code, command.stderr.join('\n')).toBe(0)
  return JSON.parse(command.stdout.join('\n')) as Report
}

async function withSystem<T>(folder: string, use: (system: LogSystem) => Promise<T>): Promise<T> {
  const opened = await embedded(folder).open({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

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
  return withSystem(system.data, async ({ log, groups }) => {
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

/** Positions with notes, and how many events each log holds: what a copy must have. */
const stateOf = (folder: string): Promise<unknown> =>
  withSystem(folder, async ({ log, groups }) => {
    const committed = await Promise.all(
      (await groups.list()).map(async group => [group, await groups.committed(group)]),
    )
    const bounds = await Promise.all(
      (await log.topics.list()).map(async topic => [
        topic,
        await log.topics.describe(topic),
        await log.bounds({ topic, partition: 0 }),
      ]),
    )
    return { committed, bounds }
  })

const copied = (folder: string): Promise<bigint> =>
  withSystem(folder, async ({ log }) => {
    let events = 0n
    for (const topic of await log.topics.list()) {
      const { partitions } = (await log.topics.describe(topic)) ?? { partitions: 0 }
      for (let partition = 0; partition < partitions; partition++) {
        const { start, end } = await log.bounds({ topic, partition })
        events += end - start
      }
    }
    return events
  })

test('a log whose groups stand at different places, with letters, waiting retries and its front deleted, is moved by a command that is killed three times: each group goes on where it stood', async () => {
  const groups = ['picky', 'flaky', 'each'] as const
  const system = await startSystem({ groups, roles: ['collector'] })
  const { ledger, poison } = await withLog(system, log =>
    appendMixed(log, scale({ short: 4_000, long: 20_000 })),
  )
  const picky = await system.startConsumer({ groups: ['picky'] })
  await allDone([picky], ['picky'])
  await picky.child.terminate()
  const each = await system.startConsumer({ groups: ['each'] })
  await midway(each, 1_500)
  await each.child.terminate()
  const flaky = await system.startConsumer({ groups: ['flaky'] })
  await midway(flaky, 800, 10)
  await flaky.child.kill()
  await system.app.terminate()
  const gone = await deletePassed(system)
  expect(gone).toBeGreaterThan(0n)

  const before = await report(system, '--dry-run')
  const waiting = before.backlogs.find(({ group }) => group === 'flaky')?.parked ?? 0
  expect(waiting).toBeGreaterThan(0)
  expect(before.backlogs.find(({ group }) => group === 'picky')?.letters).toBe(poison.length)
  expect(before.partitions.reduce((sum, { passed }) => sum + BigInt(passed), 0n)).toBeGreaterThanOrEqual(gone)

  const deaths: string[] = []
  for (const dieAt of ['append 4', 'read 20', 'positions 2']) {
    const { signal } = await (await migrate(system, [], dieAt)).exited
    deaths.push(
      `${signal} at ${dieAt} with ${await copied(copyOf(system))} of ${await copied(system.data)} events`,
    )
    expect(signal).toBe('SIGKILL')
  }
  const moved = await report(system)
  observed(
    `${deaths.join('; ')}; ${waiting} retries and ${poison.length} letters moved; ${gone} events gone before`,
  )
  expect(moved.positions.every(({ group, lag }) => (group === 'picky') === (lag === '0'))).toBe(true)
  expect(await verifyLog(copyOf(system))).toMatchObject({ ok: true })
  expect(await stateOf(copyOf(system))).toMatchObject({ committed: { length: 3 } })

  await expect(stateOf(system.data)).rejects.toMatchObject({ code: 'LOG_MOVED' })
  const next = await system.startConsumer({ groups, data: copyOf(system) })
  await allDone([next], groups)
  const there = { ...system, data: copyOf(system) }
  const kinds = { picky: [0, 1, 2], each: [1, 2], flaky: [2] }
  for (const group of groups) {
    const dead = poison.filter(id => kinds[group].includes(kindOf(id)))
    const letters = await lettersOf(there, group)
    expect(letters.map(({ eventId = '' }) => eventId).toSorted()).toEqual(dead.toSorted())
    const skipped = group === 'flaky' ? poison.filter(id => kindOf(id) === 1) : []
    expectClean(await auditGroup(system, ledger, group, { dead, skipped }))
  }
})

test('a log is copied while it is in use, and moved when its app has stopped: what was accepted until then is applied once, on the new one', async () => {
  const groups = ['each', 'flaky'] as const
  const system = await startSystem({ groups })
  const refused = await (await migrate(system, [])).exited
  expect(refused.code).toBe(4)
  const load = await startLoad({
    ...system.load,
    run: 'f',
    ratePerSecond: 200,
    seconds: scale({ short: 8, long: 120 }),
    keys: 100,
    seed,
  })
  const command = await migrate(system, ['--follow', '-o', 'json'])
  await until('it follows', () => command.stderr.some(line => line.includes(`: process ${system.app.pid}`)))
  const after = load.ledgerSoFar().entries.size
  await until('more is accepted', () => load.ledgerSoFar().entries.size > after + 200)
  await system.app.terminate()
  const { ledger } = await load.finished()
  expect(await command.exited).toMatchObject({ code: 0 })
  const { partitions } = JSON.parse(command.stdout.join('\n')) as Report
  observed(
    `followed from ${after} events on; ${partitions.reduce((sum, { records }) => sum + records, 0)} records in all topics moved`,
  )
  const next = await system.startConsumer({ data: copyOf(system) })
  await allDone([next], groups)
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  const accepted = [...ledger.entries.values()].filter(({ outcome }) => outcome === 'accepted').length
  expect(accepted).toBeGreaterThan(after)
})
