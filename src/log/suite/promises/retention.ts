import { expect } from 'vitest'
import type { LogPromise } from '../harness.ts'
import { refused, storedAt, type World } from '../world.ts'

const needs = ['retains'] as const
const HOUR = 3_600_000

async function enforce(
  world: World,
  signal: AbortSignal = new AbortController().signal,
): Promise<ReadonlyMap<string, bigint>> {
  if (!world.log.enforceRetention) throw new Error('features say that it retains')
  return world.log.enforceRetention(signal)
}

export const retentionPromises: readonly LogPromise[] = [
  {
    promise: 'deletes what is older than the retention and nothing else, and says how much',
    needs,
    async keeps(world) {
      const topic = await world.topic(2, { retentionMs: HOUR })
      const forever = await world.topic(1)
      await world.append(topic, 'old', 'old')
      await world.append(topic, 'old')
      await world.append(forever, 'kept')
      world.clock.pass(HOUR / 2)
      const young = storedAt((await world.append(topic, 'young'))[0])
      expect((await enforce(world)).size).toBe(0)
      world.clock.pass(HOUR / 2 + 1_000)
      expect(await enforce(world)).toEqual(new Map([[`${topic}/0`, 3n]]))
      expect((await world.log.bounds({ topic, partition: 0 })).start).toBe(young)
      expect(await world.values(topic)).toEqual(['young'])
      expect(await world.values(forever)).toEqual(['kept'])
    },
  },
  {
    promise: 'deletes the oldest above the retention in bytes',
    needs,
    async keeps(world) {
      const topic = await world.topic(1, { retentionBytes: 40_000 })
      for (let i = 0; i < 20; i++)
        await world.append(topic, { partition: 0, value: new Uint8Array(4_000).fill(i) })
      await enforce(world)
      const kept = (await world.readAll(topic)).map(({ value }) => value?.[0] ?? -1)
      expect(kept.length).toBeGreaterThanOrEqual(7)
      expect(kept.length).toBeLessThanOrEqual(11)
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 20 - kept.length + i))
    },
  },
  {
    promise: 'hazard 21: tells a reader that was overtaken what it lost, and never moves it on by itself',
    needs,
    async keeps(world) {
      const topic = await world.topic(1, { retentionMs: HOUR })
      const offsets: bigint[] = []
      for (let i = 0; i < 5; i++) offsets.push(storedAt((await world.append(topic, `v${i}`))[0]))
      world.clock.pass(HOUR + 1_000)
      const fresh = storedAt((await world.append(topic, 'fresh'))[0])
      await enforce(world)
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const error = await refused(
        world.read({ topic, partition: 0 }, offsets[1] ?? 0n),
        'OFFSET_OUT_OF_RANGE',
      )
      expect(error.facts).toMatchObject({ start: fresh, end })
      expect('lost' in error.facts ? error.facts['lost'] : 4n).toBe(4n)
      expect((await world.read({ topic, partition: 0 }, fresh)).records).toHaveLength(1)
    },
  },
  {
    promise: 'goes on behind what was deleted: no offset is given twice',
    needs,
    async keeps(world) {
      const topic = await world.topic(1, { retentionMs: HOUR })
      const last = storedAt((await world.append(topic, 'a', 'b'))[1])
      world.clock.pass(HOUR + 1_000)
      await enforce(world)
      const { start, end } = await world.log.bounds({ topic, partition: 0 })
      expect(start).toBe(end)
      expect(end).toBeGreaterThan(last)
      expect(storedAt((await world.append(topic, 'c'))[0])).toBeGreaterThanOrEqual(end)
    },
  },
  {
    promise: 'hazard 19: deletes nothing early when the clock goes back',
    needs,
    async keeps(world) {
      const topic = await world.topic(1, { retentionMs: HOUR })
      await world.append(topic, 'a')
      world.clock.shiftWall(-2 * HOUR)
      await world.append(topic, 'b')
      expect((await enforce(world)).size).toBe(0)
      world.clock.shiftWall(2 * HOUR)
      expect((await enforce(world)).size).toBe(0)
      expect(await world.values(topic)).toEqual(['a', 'b'])
    },
  },
  {
    promise: 'stops when its signal aborts',
    needs,
    async keeps(world) {
      const topic = await world.topic(1, { retentionMs: HOUR })
      await world.append(topic, 'a')
      world.clock.pass(HOUR + 1_000)
      expect((await enforce(world, AbortSignal.abort())).size).toBe(0)
      expect(await world.values(topic)).toEqual(['a'])
    },
  },
]
