import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild, type Child } from '../../../../test/harness/child.ts'
import { observed } from '../../../../test/harness/observed.ts'
import { until } from '../../../../test/harness/until.ts'
import { fileKafka, noOwnKafka } from '../../../../test/kafka.ts'
import type { KafkaMemberOptions } from '../../../../test/fixtures/kafka-member.ts'
import {
  offset,
  partitionId,
  seededRandom,
  silentLogger,
  systemClock,
  type Clock,
} from '../../../event/index.ts'
import { pages, type Member, type OwnedPartition } from '../../../log/index.ts'
import { openKafka, type KafkaSystem } from '../kafka.ts'
import { resolveKafkaOptions } from '../options.ts'
import type { GroupOptions } from './options.ts'

/** Only where a session has to run out: a noisy machine may stand still for a while. */
const SHORT = { session: '2s' } as const
const memberFile = join(import.meta.dirname, '../../../../test/fixtures/kafka-member.ts')

describe.skipIf(noOwnKafka)('members of a Kafka group', () => {
  const own = fileKafka(() => ({ properties: { 'group.min.session.timeout.ms': '500' } }))
  let names = 0

  const connection = (
    groups: GroupOptions = {},
  ): { brokers: string[]; replication: { factor: number }; groups: GroupOptions } => ({
    brokers: own.cluster.brokers.split(','),
    replication: { factor: 1 },
    groups: {
      beat: '100ms',
      session: '30s',
      rebalanceTimeout: '30s',
      growth: '500ms',
      ...groups,
    },
  })

  async function open(groups: GroupOptions = {}, clock: Clock = systemClock): Promise<KafkaSystem> {
    const env = { clock, random: seededRandom(++names), logger: silentLogger }
    const system = await openKafka(resolveKafkaOptions(connection(groups)), env)
    onTestFinished(() => system.close())
    return system
  }

  /** A topic with so many records in each partition. */
  async function topic({ log }: KafkaSystem, partitions: number, records = 500): Promise<string> {
    const name = `members-${++names}`
    await log.topics.create(name, { partitions })
    for (let partition = 0; partition < partitions; partition++)
      await log.append(
        name,
        Array.from({ length: records }, () => ({ partition, value: new Uint8Array(), headers: {} })),
      )
    return name
  }

  function start(name: string, topic: string, groups: GroupOptions = {}): Promise<Child> {
    const options: KafkaMemberOptions = {
      ...connection(groups),
      name,
      topic,
      group: `of-${topic}`,
      everyMs: 50,
    }
    return startChild({ name, args: ['--conditions=holdfast-source', memberFile, JSON.stringify(options)] })
  }

  const positionOf = async ({ groups }: KafkaSystem, topic: string): Promise<bigint> =>
    (await groups.committed(`of-${topic}`))[0]?.offset ?? 0n

  const since = (child: Child, lines: number): readonly string[] => child.stdout.slice(lines)

  it('hazard 35: a process that was stopped for longer than its session stores nothing when it goes on', async () => {
    const system = await open()
    const t = await topic(system, 1)
    const a = await start('a', t, SHORT)
    await a.line(/committed .* 5$/)
    const b = await start('b', t)
    await b.line(/joined/)
    await a.freeze()
    await b.line(/assigned .*\/0@/)
    await b.line(/committed/)
    const stopped = await positionOf(system, t)
    const before = a.stdout.length
    await a.thaw()
    await until('a has heard that it lost the partition', () =>
      since(a, before).some(line => line.startsWith('lost ')),
    )
    await until('b has gone on', async () => (await positionOf(system, t)) > stopped)
    const positions: bigint[] = []
    await until('ten more are stored', async () => {
      positions.push(await positionOf(system, t))
      return (positions.at(-1) ?? 0n) > stopped + 10n
    })
    expect(positions).toEqual(positions.toSorted((x, y) => Number(x - y)))
    expect(positions[0]).toBeGreaterThanOrEqual(stopped)
    // What it had sent before it was stopped may be answered after: but it was sent, and counted, before b's first.
    const late = since(a, before).filter(line => line.startsWith('committed '))
    expect(late.length).toBeLessThanOrEqual(1)
    observed(`stopped at ${stopped}, went on: ${since(a, before).slice(0, 3).join(' · ')}`)
  })

  it('hazard 35: the coordinator refuses a member that it has put out, though its own clock has not moved', async () => {
    const frozen = stoppableClock()
    const zombie = await open(SHORT, frozen)
    const other = await open()
    const t = await topic(other, 1)
    const a = recorder('a')
    await zombie.groups.join(`of-${t}`, [t], a)
    const [owned] = await until('a owns it', () => a.owned.size === 1 && [...a.owned.values()])
    if (!owned) throw new Error('a owns nothing')
    frozen.stop()
    const b = recorder('b')
    await other.groups.join(`of-${t}`, [t], b)
    const [successor] = await until('b owns it', () => b.owned.size === 1 && [...b.owned.values()])
    if (!successor) throw new Error('b owns nothing')
    expect(successor.epoch).toBeGreaterThan(owned.epoch)
    await other.groups.commit(`of-${t}`, [{ ...successor, offset: offset(9), note: 'b' }])
    expect(a.owned.size).toBe(1) // so it is not its lease that keeps it back
    expect(await zombie.groups.commit(`of-${t}`, [{ ...owned, offset: offset(4), note: 'a' }])).toEqual([
      { kind: 'stale', epoch: successor.epoch, owner: 'b' },
    ])
    expect(a.gone).toEqual([partitionId(owned)])
    expect(await other.groups.committed(`of-${t}`)).toMatchObject([{ offset: 9n, note: 'b' }])
  })

  it('a process that is killed and comes back with its instance id in time has its partitions again, and no other member notices', async () => {
    const system = await open()
    const t = await topic(system, 2)
    const a = await start('a', t, { instanceId: 'one' })
    await a.line(/assigned/)
    const b = await start('b', t, { instanceId: 'two' })
    const had = await b.line(/assigned (.*)@(\d+)/)
    await a.line(/revoking/)
    await until('both store', () => [a, b].every(child => child.stdout.at(-1)?.startsWith('committed ')))
    const epochs = async (): Promise<Map<string, bigint>> => {
      const { partitions } = await system.groups.describe(`of-${t}`)
      return new Map(partitions.map(at => [partitionId(at), at.epoch]))
    }
    const before = await epochs()
    const quiet = a.stdout.filter(line => !line.startsWith('committed ')).length
    expect(await b.kill()).toMatchObject({ signal: 'SIGKILL' })
    const again = await start('b', t, { instanceId: 'two' })
    const has = await again.line(/assigned (.*)@(\d+)/)
    await again.line(/committed/)
    expect(has.slice(1)).toEqual(had.slice(1))
    expect(a.stdout.filter(line => !line.startsWith('committed '))).toHaveLength(quiet)
    expect(await epochs()).toEqual(before)
    expect((await system.groups.describe(`of-${t}`)).members.toSorted()).toEqual(['a', 'b'])
  })

  it('of two processes with one instance id the older stops for good and says why', async () => {
    const system = await open()
    const t = await topic(system, 1)
    const older = await start('older', t, { instanceId: 'same' })
    await older.line(/committed/)
    const newer = await start('newer', t, { instanceId: 'same' })
    await older.line(/log: another process has joined group .* under the instance id same/)
    await older.line(/lost /)
    await newer.line(/assigned/)
    const lines = older.stdout.length
    const said = newer.stdout.length
    await until(
      'the newer one goes on',
      () => since(newer, said).filter(line => line.startsWith('committed ')).length > 40,
    )
    expect(since(older, lines).filter(line => /^(assigned|committed|revoking)/.test(line))).toEqual([])
    expect(newer.stdout.filter(line => /lost|log:/.test(line))).toEqual([])
    expect((await system.groups.describe(`of-${t}`)).members).toEqual(['newer'])
  })

  it('hazard 34: members come and go; what one keeps it keeps under its epoch, and every position of it is stored', async () => {
    const system = await open()
    const t = await topic(system, 4)
    const steady = recorder('steady')
    await system.groups.join(`of-${t}`, [t], steady)
    await until('it has all', () => steady.owned.size === 4)
    const first = new Map([...steady.owned].map(([id, { epoch }]) => [id, epoch]))
    let goesOn = true
    const outcomes: string[] = []
    let longest = 0
    const storing = (async () => {
      for (let n = 1n; goesOn; n++) {
        const began = performance.now()
        const asked = [...steady.owned.values()]
        const stored = await system.groups.commit(
          `of-${t}`,
          asked.map(owned => ({ ...owned, offset: offset(n) })),
        )
        longest = Math.max(longest, performance.now() - began)
        // One that is given away meanwhile may be refused; one that it has throughout may not.
        for (const [i, owned] of asked.entries())
          if (steady.owned.get(partitionId(owned))?.epoch === owned.epoch)
            outcomes.push(stored[i]?.kind ?? '')
      }
    })()
    for (let round = 0; round < 5; round++) {
      const guest = recorder(`guest-${round}`)
      const membership = await system.groups.join(`of-${t}`, [t], guest)
      await until('the guest has its share', () => guest.owned.size === 2 && steady.owned.size === 2)
      await membership.leave()
      await until('it has all again', () => steady.owned.size === 4)
    }
    goesOn = false
    await storing
    const kept = [...steady.owned.values()].filter(owned => first.get(partitionId(owned)) === owned.epoch)
    expect(kept.length).toBeGreaterThanOrEqual(2)
    expect(new Set(outcomes)).toEqual(new Set(['committed']))
    expect(steady.gone).toEqual([])
    observed(
      `${outcomes.length} positions stored through 10 rounds, the longest call took ${Math.round(longest)} ms`,
    )
  })

  it('hazard 55: a member that takes nothing in for longer than its session keeps what it has', async () => {
    const system = await open({ session: '3s' })
    const t = await topic(system, 1)
    const a = recorder('a')
    const membership = await system.groups.join(`of-${t}`, [t], a)
    const [owned] = await until('a owns it', () => a.owned.size === 1 && [...a.owned.values()])
    if (!owned) throw new Error('a owns nothing')
    const began = performance.now()
    await until('more than a session passes', () => performance.now() - began > 4_000)
    expect(await membership.confirm(owned)).toBe(true)
    expect(a.gone).toEqual([])
  })

  it('hazard 49: leaves within bounds while no broker answers', async () => {
    const system = await open()
    const t = await topic(system, 1)
    const a = recorder('a')
    const membership = await system.groups.join(`of-${t}`, [t], a)
    await until('a owns it', () => a.owned.size === 1)
    const [node] = own.cluster.nodes
    if (!node) throw new Error('no node')
    node.pause()
    try {
      await membership.leave()
      expect(a.owned.size).toBe(0)
    } finally {
      node.resume()
    }
  })

  it('says at the join what is wrong with the session, as the brokers see it', async () => {
    const system = await open({ beat: '100ms', session: '200ms' })
    const t = await topic(system, 1)
    await expect(system.groups.join(`of-${t}`, [t], recorder('a'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('groups.session must be from group.min.session.timeout.ms') as string,
    })
    expect((await system.groups.describe(`of-${t}`)).members).toEqual([])
  })

  it('stores positions again in topics that the group reads no more, and leaves those alone that it reads', async () => {
    const days = impatientClock()
    const system = await open({}, days)
    const [before, now] = [await topic(system, 1, 10), await topic(system, 1, 10)]
    const group = `of-${before}`
    await system.groups.move(group, [{ topic: before, partition: 0, offset: offset(7) }])
    await system.groups.move(group, [{ topic: now, partition: 0, offset: offset(3) }])
    const writes = async (of: string): Promise<number> => positionWrites(own.cluster.brokers, group, of)
    const first = { before: await writes(before), now: await writes(now) }
    expect(first).toEqual({ before: 1, now: 1 })
    await system.groups.join(group, [now], recorder('a'))
    await until('it is stored again', async () => (await writes(before)) > 1)
    expect(await writes(now)).toBe(1)
    const positions = new Map((await system.groups.committed(group)).map(at => [at.topic, at.offset]))
    expect(positions).toEqual(
      new Map([
        [before, 7n],
        [now, 3n],
      ]),
    )
  })

  it('keeps the positions of a group that rests, by coming and going, and leaves one with members alone', async () => {
    const system = await open()
    const t = await topic(system, 2, 10)
    const group = `of-${t}`
    await system.groups.move(group, [
      { topic: t, partition: 0, offset: offset(7) },
      { topic: t, partition: 1, offset: offset(2) },
    ])
    const states = (): Promise<number> => groupWrites(own.cluster.brokers, group)
    const before = await states()
    await system.groups.keep?.(group)
    // Brokers count from the last time that it became empty, and write that down.
    expect(await states()).toBeGreaterThan(before)
    expect((await system.groups.describe(group)).members).toEqual([])
    expect((await system.groups.committed(group)).map(({ offset }) => offset)).toEqual([7n, 2n])
    const a = recorder('a')
    await system.groups.join(group, [t], a)
    await until('a has both', () => a.owned.size === 2)
    const epochs = [...a.owned.values()].map(({ epoch }) => epoch)
    await system.groups.keep?.(group)
    expect([...a.owned.values()].map(({ epoch }) => epoch)).toEqual(epochs)
    expect(a.gone).toEqual([])
  })

  it("Kafka's own tool shows members, owners and positions, and resets a group that is stopped", async () => {
    const system = await open()
    const t = await topic(system, 2, 10)
    const a = recorder('a')
    const membership = await system.groups.join(`of-${t}`, [t], a)
    const owned = await until('a owns both', () => a.owned.size === 2 && [...a.owned.values()])
    await system.groups.commit(
      `of-${t}`,
      owned.map(one => ({ ...one, offset: offset(7) })),
    )
    const tool = async (...args: string[]): Promise<string> => {
      const where = ['--bootstrap-server', own.cluster.brokers, '--group', `of-${t}`]
      const run = await own.cluster.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        ...where,
        ...args,
      ])
      expect(run.code, run.stderr + run.stdout).toBe(0)
      return run.stdout
    }
    const shown = await tool('--describe')
    // topic, partition, position, end, lag, consumer
    expect(shown).toMatch(new RegExp(`${t}\\s+0\\s+7\\s+10\\s+3\\s+\\S+-`))
    expect(shown).toMatch(new RegExp(`${t}\\s+1\\s+7\\s+10\\s+3\\s+\\S+-`))
    expect(await tool('--describe', '--state')).toMatch(/holdfast\s+Stable\s+1/)
    await membership.leave()
    await tool('--reset-offsets', '--topic', t, '--to-offset', '2', '--execute')
    expect((await system.groups.committed(`of-${t}`)).map(({ offset }) => offset)).toEqual([2n, 2n])
  })
})

/** A member that drains at once, and knows what it has and has lost. */
function recorder(
  name: string,
): Member & { readonly owned: Map<string, OwnedPartition>; readonly gone: string[] } {
  const owned = new Map<string, OwnedPartition>()
  const gone: string[] = []
  const forget = (partitions: readonly OwnedPartition[]): void =>
    partitions.forEach(one => owned.delete(partitionId(one)))
  return {
    name,
    owned,
    gone,
    assigned: partitions => partitions.forEach(one => owned.set(partitionId(one), one)),
    async revoking(partitions) {
      forget(partitions)
    },
    lost(partitions) {
      forget(partitions)
      gone.push(...partitions.map(partitionId))
    },
  }
}

/** Waits of a minute and more are over soon. */
function impatientClock(): Clock {
  return { ...systemClock, after: (ms, fn) => systemClock.after(ms >= 60_000 ? 500 : ms, fn) }
}

/** How often a position of the group in the topic was written down by the brokers. */
function positionWrites(brokers: string, group: string, topic: string): Promise<number> {
  return coordinatorRecords(
    brokers,
    key => key.includes(group) && key.includes(topic, key.indexOf(group) + group.length),
  )
}

/** How often the state of the group was. */
function groupWrites(brokers: string, group: string): Promise<number> {
  return coordinatorRecords(brokers, key => key.endsWith(group))
}

async function coordinatorRecords(brokers: string, counts: (key: string) => boolean): Promise<number> {
  const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
  const system = await openKafka(resolveKafkaOptions({ brokers }), env)
  const { log } = system
  const topic = '__consumer_offsets'
  let count = 0
  try {
    const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await log.bounds({ topic, partition })
      const limits = { maxRecords: 500, maxBytes: 1_000_000, end }
      for await (const { records } of pages(
        log,
        { topic, partition, offset: start },
        limits,
        AbortSignal.any([]),
      ))
        count += records.filter(({ key }) => key !== undefined && counts(key)).length
    }
  } finally {
    await system.close()
  }
  return count
}

/** A machine that stands still: no timer fires, no time passes. What comes over the network is still answered. */
function stoppableClock(): Clock & { stop(): void } {
  let stoppedAt: number | undefined
  return {
    now: () => systemClock.now(),
    monotonic: () => stoppedAt ?? systemClock.monotonic(),
    after: (ms, fn) =>
      systemClock.after(ms, () => {
        if (stoppedAt === undefined) fn()
      }),
    stop() {
      stoppedAt = systemClock.monotonic()
    },
  }
}
