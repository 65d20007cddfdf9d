import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { LogPromise } from '../harness.ts'
import { bytes, refused, storedAt, text } from '../world.ts'

export const readPromises: readonly LogPromise[] = [
  {
    promise: 'reads on from any position, in offset order, to the end and not beyond',
    async keeps(world) {
      const topic = await world.topic()
      const offsets: bigint[] = []
      for (let i = 0; i < 5; i++)
        offsets.push(...(await world.append(topic, ...[0, 1, 2, 3].map(j => `${i}.${j}`))).map(storedAt))
      for (const from of offsets) {
        const { records, next, end } = await world.read({ topic, partition: 0 }, from)
        expect(records.map(({ offset }) => offset)).toEqual(offsets.filter(o => o >= from))
        expect(next).toBe(end)
      }
    },
  },
  {
    promise: 'answers at most maxRecords, and next leads to the record after them',
    async keeps(world) {
      const topic = await world.topic()
      const values = Array.from({ length: 20 }, (_, i) => `v${i}`)
      await world.append(topic, ...values)
      const seen: (string | null)[] = []
      let at = (await world.log.bounds({ topic, partition: 0 })).start
      for (;;) {
        const { records, next, end } = await world.read({ topic, partition: 0 }, at, { maxRecords: 3 })
        expect(records.length).toBeLessThanOrEqual(3)
        if (records.length === 0) {
          expect(at).toBe(end)
          break
        }
        seen.push(...records.map(({ value }) => text(value)))
        at = next
      }
      expect(seen).toEqual(values)
    },
  },
  {
    promise: 'stops at about maxBytes, but answers one record however large',
    async keeps(world) {
      const topic = await world.topic()
      for (let i = 0; i < 6; i++) await world.append(topic, { partition: 0, value: new Uint8Array(10_000) })
      const start = offset(0)
      const one = await world.read({ topic, partition: 0 }, start, { maxBytes: 1 })
      expect(one.records).toHaveLength(1)
      const some = await world.read({ topic, partition: 0 }, start, { maxBytes: 25_000 })
      expect(some.records.length).toBeGreaterThanOrEqual(2)
      expect(some.records.length).toBeLessThanOrEqual(3)
    },
  },
  {
    promise: 'answers one record however large also to many who read different partitions at once',
    async keeps(world) {
      const topic = await world.topic(8)
      const large = [0, 1, 2, 3, 4, 5, 6, 7].map(partition => ({ partition, value: new Uint8Array(10_000) }))
      await world.append(topic, ...large)
      const pages = await Promise.all(
        large.map(({ partition }) => world.read({ topic, partition }, 0n, { maxRecords: 1, maxBytes: 1 })),
      )
      expect(pages.map(({ records }) => records.length)).toEqual(large.map(() => 1))
    },
  },
  {
    promise: 'answers none at the end, and none after waitMs when nothing came',
    async keeps(world) {
      const topic = await world.topic()
      const at = storedAt((await world.append(topic, 'x'))[0])
      const { next: end } = await world.read({ topic, partition: 0 }, at)
      for (const waitMs of [0, 50]) {
        const result = await world.within(world.read({ topic, partition: 0 }, end, { waitMs }), 'the read')
        expect(result).toEqual({ records: [], next: end, end })
      }
    },
  },
  {
    promise: 'waits for the next record and wakes when it comes',
    async keeps(world) {
      const topic = await world.topic()
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const reading = world.read({ topic, partition: 0 }, end, { waitMs: 10 * world.settings.patienceMs })
      await world.beats(2)
      await world.append(topic, 'news')
      const { records } = await world.within(reading, 'the waiting read')
      expect(records.map(({ value }) => text(value))).toEqual(['news'])
    },
  },
  {
    promise: 'ends the wait with an empty answer when its signal aborts',
    async keeps(world) {
      const topic = await world.topic()
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const abort = new AbortController()
      const waitMs = 10 * world.settings.patienceMs
      const reading = world.read({ topic, partition: 0 }, end, { waitMs, signal: abort.signal })
      abort.abort()
      expect((await world.within(reading, 'the aborted read')).records).toEqual([])
    },
  },
  {
    promise: 'keeps partitions apart',
    async keeps(world) {
      const topic = await world.topic(2)
      const other = await world.topic(2)
      await world.append(topic, { partition: 0, value: bytes('a') }, { partition: 1, value: bytes('b') })
      await world.append(other, { partition: 0, value: bytes('c') })
      expect(await world.values(topic, 0)).toEqual(['a'])
      expect(await world.values(topic, 1)).toEqual(['b'])
      expect(await world.values(other, 0)).toEqual(['c'])
      expect(await world.values(other, 1)).toEqual([])
    },
  },
  {
    promise: 'refuses a position above the end, and a topic or partition that is not there',
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'x')
      const { start, end } = await world.log.bounds({ topic, partition: 0 })
      const error = await refused(world.read({ topic, partition: 0 }, end + 1n), 'OFFSET_OUT_OF_RANGE')
      expect(error.facts).toMatchObject({ start, end })
      for (const tp of [
        { topic, partition: 1 },
        { topic: 'topic-typo', partition: 0 },
      ]) {
        await refused(world.read(tp, 0n), 'LOG_TOPIC_UNKNOWN')
        await refused(world.log.bounds(tp), 'LOG_TOPIC_UNKNOWN')
        await refused(world.log.offsetAt(tp, 0), 'LOG_TOPIC_UNKNOWN')
      }
    },
  },
  {
    promise: 'bounds are equal for an empty partition and grow with it',
    async keeps(world) {
      const topic = await world.topic()
      const empty = await world.log.bounds({ topic, partition: 0 })
      expect(empty.start).toBe(empty.end)
      const last = storedAt((await world.append(topic, 'a', 'b'))[1])
      const { start, end } = await world.log.bounds({ topic, partition: 0 })
      expect(start).toBe(empty.start)
      expect(end).toBeGreaterThan(last)
    },
  },
  {
    promise: 'finds the first record at or after a time, and the end when there is none',
    async keeps(world) {
      const topic = await world.topic()
      expect(await world.log.offsetAt({ topic, partition: 0 }, 0)).toBe(offset(0))
      const stamps: { offset: bigint; timestamp: number }[] = []
      for (let i = 0; i < 12; i++) {
        world.clock.shiftWall(1_000)
        for (const outcome of await world.append(topic, `${i}.0`, `${i}.1`))
          if (outcome.kind === 'appended')
            stamps.push({ offset: outcome.position.offset, timestamp: outcome.timestamp })
      }
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const times = [0, ...stamps.flatMap(({ timestamp }) => [timestamp - 1, timestamp, timestamp + 1])]
      for (const time of times) {
        const expected = stamps.find(({ timestamp }) => timestamp >= time)?.offset ?? end
        expect(await world.log.offsetAt({ topic, partition: 0 }, time), `at ${time}`).toBe(expected)
      }
    },
  },
  {
    promise: 'hazard 19: skips no record when it seeks by time, though the clock went back in between',
    async keeps(world) {
      const topic = await world.topic()
      for (const shift of [0, 500, -2_000, 100, -50, 5_000, -100_000, 10]) {
        world.clock.shiftWall(shift)
        await world.append(topic, 'x')
      }
      const records = await world.readAll(topic)
      for (const { timestamp } of records) {
        const found = await world.log.offsetAt({ topic, partition: 0 }, timestamp)
        const skipped = records.filter(record => record.offset < found && record.timestamp >= timestamp)
        expect(skipped).toEqual([])
      }
    },
  },
]
