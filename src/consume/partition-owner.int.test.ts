import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { boundLog } from '../../test/support/bound-log.ts'
import { groupContext } from '../../test/support/group-context.ts'
import { describeOn } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import {
  encodeEvent,
  offset,
  seededRandom,
  silentLogger,
  sleep,
  systemClock,
  systemRandom,
} from '../event/index.ts'
import { pages, type Log, type LogSystem, type Membership, type OwnedPartition } from '../log/index.ts'
import { deadLetters, deadTopicOf } from '../recover/index.ts'
import { encodeLaneRecord, laneTopicOf } from '../recover/lane/index.ts'
import { topic } from '../schema/index.ts'
import { firstGeneration } from './generations.ts'
import type { GroupContext } from './group-context.ts'
import type { OnHandler, Received } from './handlers.ts'
import { partitionOwner, type PartitionOwner } from './partition-owner.ts'
import type { AnyPolicy } from './settings.ts'

const schema = topic('t', {
  key: 'key',
  partitions: 1,
  events: { sent: z.object({ key: z.string(), n: z.number() }) },
})
const lane = laneTopicOf('t', 'g')

type Verdict = 'done' | 'retry' | 'dead'

/** A database that knows who may write and what it has applied, and owners that come one after another. */
class Group {
  readonly applied: { readonly key: string; readonly n: number }[] = []
  readonly #inbox = new Set<bigint>()
  readonly owners: PartitionOwner[] = []
  readonly attempts = new Map<bigint, number[]>()
  refused = 0
  #lease = 0
  #membership: Membership | undefined
  readonly #system: LogSystem
  /** What the handler says to an event that is not applied. */
  readonly #handler: (event: Received) => Verdict
  readonly #policy: Partial<AnyPolicy>
  log: Log

  constructor(system: LogSystem, handler: (event: Received) => Verdict, policy: Partial<AnyPolicy> = {}) {
    this.#system = system
    this.#handler = handler
    this.#policy = policy
    this.log = system.log
  }

  /** The next owner. The one before is not told: it goes on as if it were the owner, until the log refuses it. */
  async takeOver(): Promise<PartitionOwner> {
    await this.#membership?.leave()
    const assigned = Promise.withResolvers<OwnedPartition>()
    this.#membership = await this.#system.groups.join('g', ['t'], {
      name: `member ${this.owners.length}`,
      assigned: ([owned]) => owned && assigned.resolve(owned),
      revoking: async () => {},
      lost: () => {},
    })
    const owned = await assigned.promise
    const number = ++this.#lease
    const [committed] = await this.#system.groups.committed('g')
    const owner = partitionOwner({
      context: this.#context(number),
      topic: schema,
      owned,
      committed: committed ?? { offset: offset(0), note: undefined },
      laneStart: (await this.log.bounds({ topic: lane, partition: 0 })).start,
      generations: firstGeneration,
      perSecond: undefined,
      commitDue: () => void sleep(systemClock, 5).then(() => owner.commit()),
      store: async (position, note) => {
        const [outcome] = await this.#system.groups.commit('g', [{ ...owned, offset: position, note }])
        if (outcome?.kind === 'stale') this.refused += 1
        return outcome?.kind === 'committed'
      },
      fenced: () => {},
      failed: error => expect.fail(String(error)),
    })
    this.owners.push(owner)
    return owner
  }

  #context(number: number): GroupContext {
    const policy: Partial<AnyPolicy> = {
      concurrency: 4,
      maxInFlight: 50,
      retry: Array.from({ length: 9 }, () => '2ms' as const),
      onError: error => (error instanceof RangeError ? 'dead' : undefined),
      ...this.#policy,
    }
    const run: OnHandler = (event, { signal }) => this.#run(number, event, signal)
    return groupContext({ log: this.log, group: 'g', topic: schema, policy, run })
  }

  async #run(number: number, event: Received, signal: AbortSignal): Promise<void> {
    // The database fences a former owner; it waits to be told that it is over.
    while (number !== this.#lease) {
      signal.throwIfAborted()
      await sleep(systemClock, 5, signal)
    }
    const { offset, attempt, key, data } = event
    if (this.#inbox.has(offset)) return
    this.attempts.set(offset, [...(this.attempts.get(offset) ?? []), attempt])
    const verdict = this.#handler(event)
    if (verdict === 'retry') throw new Error('not now')
    if (verdict === 'dead') throw new RangeError('never')
    this.#inbox.add(offset)
    this.applied.push({ key: key ?? '', n: (data as { n: number }).n })
  }

  /** What was applied of one key, in the order in which it was. */
  of(key: string): readonly number[] {
    return this.applied.flatMap(one => (one.key === key ? one.n : []))
  }

  async send(key: string, n: number): Promise<void> {
    await this.#system.log.append('t', [
      encodeEvent({
        id: `${key}${n}`,
        source: '/test',
        type: 'sent',
        version: 1,
        time: undefined,
        acceptedAt: 1_700_000_000_000,
        extensions: {},
        key,
        data: new TextEncoder().encode(JSON.stringify({ key, n })),
      }),
    ])
  }

  async atRest(): Promise<void> {
    await until(async () => {
      const { end } = await this.#system.log.bounds({ topic: 't', partition: 0 })
      const owner = this.owners.at(-1)
      return owner?.phase === 'live' && owner.commitable === end && owner.parked === 0
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.owners.map(owner => owner.stop(0)))
    await this.#membership?.leave()
  }
}

describeOn(['memory', 'embedded', 'kafka'], 'a partition with its retry lane', on => {
  let system: LogSystem
  let group: Group | undefined

  beforeEach(async () => {
    system = await (await on.fresh()).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
    for (const topic of ['t', lane, deadTopicOf('t', 'g')])
      await system.log.topics.create(topic, { partitions: 1 })
  })

  afterEach(async () => {
    await group?.stop()
    await system.close()
  })

  it('tries a parked event again from its own bytes, with the later ones of its key behind it', async () => {
    let failures = 3
    group = new Group(system, event => (event.offset === 0n && failures-- > 0 ? 'retry' : 'done'))
    await group.takeOver()
    for (const n of [1, 2, 3]) await group.send('a', n)
    await group.send('b', 1)
    await group.atRest()
    expect(group.of('a')).toEqual([1, 2, 3])
    expect(group.of('b')).toEqual([1])
    expect(group.attempts.get(0n)).toEqual([1, 2, 3, 4])
  })

  it('goes on where a former owner was, with its attempts, and the former owner ends by itself', async () => {
    group = new Group(system, ({ attempt }) => (attempt < 3 ? 'retry' : 'done'))
    const former = await group.takeOver()
    await group.send('a', 1)
    await until(() => group?.attempts.get(0n)?.includes(2) === true)
    await group.takeOver()
    await group.send('a', 2)
    await group.atRest()
    expect(group.of('a')).toEqual([1, 2])
    expect(Math.max(...(group.attempts.get(0n) ?? []))).toBe(3)
    await until(() => former.phase === 'over')
    expect(group.refused).toBe(1)
  })

  it('keeps what dies as a letter with its bytes, and a request replays it', async () => {
    let mended = false
    group = new Group(system, event => (event.offset === 0n && !mended ? 'dead' : 'done'))
    await group.takeOver()
    await group.send('a', 1)
    await group.send('a', 2)
    await group.atRest()
    expect(group.of('a')).toEqual([2])
    const of = { clock: systemClock, random: systemRandom, by: 'me', topicOf: () => undefined }
    const letters = await toArray(deadLetters({ log: system.log, group: 'g', ...of }).list())
    expect(letters).toMatchObject([
      { offset: '0', key: 'a', reason: 'verdict', eventId: 'a1', eventType: 'sent', attempts: 1 },
    ])
    expect(Buffer.from(letters[0]?.value ?? []).toString()).toBe('{"key":"a","n":1}')

    mended = true
    const about = { generation: 0, origin: offset(0), letterVersion: 1, by: 'me', reason: 'mended' }
    const replay = encodeLaneRecord({ kind: 'request', id: 'q', action: 'replay', ...about }, 0)
    await system.log.append(lane, [replay, replay])
    await until(() => group?.of('a').includes(1) === true)
    await group.atRest()
    expect(group.of('a')).toEqual([2, 1])
    expect(await said(system.log)).toEqual(['died', 'replaying', 'resolved'])
  })

  it('hazard 45: commits nothing past an event whose park cannot be appended, and goes on when it can', async () => {
    group = new Group(system, ({ attempt }) => (attempt === 1 ? 'retry' : 'done'))
    let failing = false
    let failed = 0
    group.log = {
      ...boundLog(system.log),
      append: async (topic, records) => {
        if (failing && topic === lane) {
          failed += 1
          throw new Error('the broker is away')
        }
        return system.log.append(topic, records)
      },
    }
    const owner = await group.takeOver()
    await until(() => owner.phase === 'live')
    failing = true
    await group.send('a', 1)
    await group.send('b', 2)
    await until(() => failed >= 2)
    expect(owner.commitable).toBe(0n)
    failing = false
    await group.atRest()
    expect(group.applied).toHaveLength(2)
  })

  it('hazard 45: keeps an event open whose letter cannot be written, through a takeover, until it can', async () => {
    group = new Group(system, ({ key }) => (key === 'a' ? 'dead' : 'done'))
    const dead = deadTopicOf('t', 'g')
    let failing = true
    let failed = 0
    group.log = {
      ...boundLog(system.log),
      append: async (topic, records) => {
        if (failing && topic === dead) {
          failed += 1
          throw new Error('the broker is away')
        }
        return system.log.append(topic, records)
      },
    }
    await group.takeOver()
    await group.send('a', 1)
    await group.send('b', 2)
    await until(() => failed >= 1)
    const next = await group.takeOver()
    const before = failed
    await until(() => failed > before)
    expect([next.phase, next.parked]).toEqual(['live', 1])
    expect(await said(system.log)).toEqual([])
    failing = false
    await group.atRest()
    // The former owner, which nobody told, may have written it as well: the same letter.
    expect(new Set(await said(system.log))).toEqual(new Set(['died']))
    const of = { clock: systemClock, random: systemRandom, by: 'me', topicOf: () => undefined }
    const letters = await toArray(deadLetters({ log: system.log, group: 'g', ...of }).list())
    expect(letters).toMatchObject([{ eventId: 'a1', reason: 'verdict' }])
    expect(group.of('b')).toEqual([2])
  })

  it('loses, doubles and reorders nothing while owners take over from each other at random', async () => {
    const random = seededRandom(7)
    group = new Group(system, event =>
      random() < (Number(event.offset) % 3 === 0 ? 0.5 : 0.05) && event.attempt < 7 ? 'retry' : 'done',
    )
    await group.takeOver()
    const keys = ['a', 'b', 'c', 'd']
    for (let n = 0; n < 200; n++) {
      await group.send(keys[n % keys.length] ?? 'a', n)
      if (n % 25 === 24) await group.takeOver()
    }
    await group.atRest()
    expect(group.applied).toHaveLength(200)
    for (const [i, key] of keys.entries())
      expect(group.of(key)).toEqual(Array.from({ length: 50 }, (_, n) => n * keys.length + i))
    expect(group.owners).toHaveLength(9)
    expect([...group.attempts.values()].some(attempts => attempts.includes(3))).toBe(true)
  })

  it('lets go of the partition when it is stopped, once what runs has come to its end', async () => {
    group = new Group(system, () => 'done')
    const owner = await group.takeOver()
    await group.send('a', 1)
    await until(() => group?.applied.length === 1)
    await owner.stop(10_000)
    expect(owner.phase).toBe('over')
    const [committed] = await system.groups.committed('g')
    expect(committed?.offset).toBe(1n)
    expect(committed?.note).toMatch(/\.r$/)
  })
})

/** What was written about letters, in order. */
async function said(log: Log): Promise<readonly unknown[]> {
  const dead = { topic: deadTopicOf('t', 'g'), partition: 0 }
  const { end } = await log.bounds(dead)
  const all = pages(
    log,
    { ...dead, offset: offset(0) },
    { maxRecords: 100, maxBytes: 1e6, end },
    AbortSignal.any([]),
  )
  const records = (await toArray(all)).flatMap(page => page.records)
  return records.map(record => (JSON.parse(record.headers['hf-letter'] ?? '{}') as { kind?: string }).kind)
}
