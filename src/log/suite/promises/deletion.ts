import { expect } from 'vitest'
import { offset, type Offset } from '../../../event/index.ts'
import type { LogPromise } from '../harness.ts'
import { refused, storedAt, type World } from '../world.ts'

/** Records `v0`, `v1` … in partition 0, each appended alone: a log need not store two of them together. */
async function filled(world: World, topic: string, count: number): Promise<(index: number) => Offset> {
  const offsets: Offset[] = []
  for (let i = 0; i < count; i++) offsets.push(storedAt((await world.append(topic, `v${i}`))[0]))
  return index => offsets[index] ?? offset(0)
}

const values = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `v${from + i}`)

export const deletionPromises: readonly LogPromise[] = [
  {
    promise: 'deletes what was stored alone below a position, keeps all from it on, and touches nothing else',
    async keeps(world) {
      const topic = await world.topic(2)
      const other = await world.topic(1)
      const at = await filled(world, topic, 10)
      await world.append(topic, { partition: 1 }, { partition: 1 })
      await filled(world, other, 10)
      await world.log.deleteRecords({ topic, partition: 0, offset: at(4) })
      expect((await world.log.bounds({ topic, partition: 0 })).start).toBe(at(4))
      expect(await world.values(topic)).toEqual(values(4, 10))
      expect(await world.values(topic, 1)).toHaveLength(2)
      expect(await world.values(other)).toEqual(values(0, 10))
      await world.log.deleteRecords({ topic, partition: 0, offset: at(7) })
      expect(await world.values(topic)).toEqual(values(7, 10))
    },
  },
  {
    promise: 'keeps every record from a position on that stands among records of one call',
    async keeps(world) {
      const topic = await world.topic()
      const offsets = (await world.append(topic, 'v0', 'v1', 'v2', 'v3')).map(storedAt)
      const before = offsets[2] ?? offset(0)
      await world.log.deleteRecords({ topic, partition: 0, offset: before })
      expect((await world.log.bounds({ topic, partition: 0 })).start).toBeLessThanOrEqual(before)
      const kept = await world.readAll(topic, 0, before)
      expect(kept.map(record => record.offset)).toEqual(offsets.slice(2))
      expect((await world.values(topic)).slice(-2)).toEqual(values(2, 4))
    },
  },
  {
    promise: 'deletes all that there is below the end, and goes on behind it: no offset is given twice',
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'a', 'b', 'c')
      const { end } = await world.log.bounds({ topic, partition: 0 })
      await world.log.deleteRecords({ topic, partition: 0, offset: end })
      const empty = await world.log.bounds({ topic, partition: 0 })
      expect(empty.start).toBe(empty.end)
      expect(empty.end).toBeGreaterThanOrEqual(end)
      expect((await world.read({ topic, partition: 0 }, empty.end)).records).toEqual([])
      expect(storedAt((await world.append(topic, 'd'))[0])).toBeGreaterThanOrEqual(end)
      expect(await world.values(topic)).toEqual(['d'])
    },
  },
  {
    promise:
      'hazard 21: refuses a reader that stands below what was deleted, and never moves it on by itself',
    async keeps(world) {
      const topic = await world.topic()
      const at = await filled(world, topic, 6)
      const before = await world.read({ topic, partition: 0 }, at(1), { maxRecords: 1 })
      await world.log.deleteRecords({ topic, partition: 0, offset: at(5) })
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const error = await refused(world.read({ topic, partition: 0 }, before.next), 'OFFSET_OUT_OF_RANGE')
      expect(error.facts).toMatchObject({ start: at(5), end })
      expect((await world.read({ topic, partition: 0 }, at(5))).records).toHaveLength(1)
    },
  },
  {
    promise: 'does nothing at or below the start, and refuses a position above the end or of no partition',
    async keeps(world) {
      const topic = await world.topic()
      const at = await filled(world, topic, 4)
      await world.log.deleteRecords({ topic, partition: 0, offset: at(2) })
      for (const before of [at(2), at(0), offset(0)]) {
        await world.log.deleteRecords({ topic, partition: 0, offset: before })
        expect(await world.values(topic)).toEqual(values(2, 4))
      }
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const above = { topic, partition: 0, offset: offset(end + 1n) }
      await refused(world.log.deleteRecords(above), 'OFFSET_OUT_OF_RANGE')
      await refused(world.log.deleteRecords({ ...above, partition: 1 }), 'LOG_TOPIC_UNKNOWN')
      await refused(world.log.deleteRecords({ ...above, topic: 'typo' }), 'LOG_TOPIC_UNKNOWN')
      expect(await world.values(topic)).toEqual(values(2, 4))
    },
  },
  {
    promise: 'finds times, and leaves positions of groups where they were, once records are deleted',
    async keeps(world) {
      const topic = await world.topic()
      const at = await filled(world, topic, 4)
      world.clock.pass(1_000)
      const young = storedAt((await world.append(topic, 'young'))[0])
      const time = (await world.readAll(topic)).at(-1)?.timestamp ?? 0
      await world.groups.move('g', [{ topic, partition: 0, offset: at(3) }])
      await world.groups.move('late', [{ topic, partition: 0, offset: at(1) }])
      await world.log.deleteRecords({ topic, partition: 0, offset: at(2) })
      expect(await world.log.offsetAt({ topic, partition: 0 }, time)).toBe(young)
      expect(await world.log.offsetAt({ topic, partition: 0 }, 0)).toBe(at(2))
      expect(await world.groups.committed('g')).toMatchObject([{ offset: at(3) }])
      expect(await world.groups.committed('late')).toMatchObject([{ offset: at(1) }])
    },
  },
  {
    promise: 'has nothing again that was deleted, after the process died',
    needs: ['persists'],
    async keeps(world) {
      const topic = await world.topic()
      const at = await filled(world, topic, 6)
      await world.log.deleteRecords({ topic, partition: 0, offset: at(4) })
      await world.crashAndReopen()
      expect((await world.log.bounds({ topic, partition: 0 })).start).toBe(at(4))
      expect(await world.values(topic)).toEqual(values(4, 6))
    },
  },
]
