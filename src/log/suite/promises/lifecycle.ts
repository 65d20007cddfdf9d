import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { LogPromise } from '../harness.ts'
import { refused, storedAt } from '../world.ts'

export const lifecyclePromises: readonly LogPromise[] = [
  {
    promise: 'closes once, and refuses whatever comes later',
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'x')
      const { system } = world
      await world.close()
      await world.within(system.close(), 'the second close')
      await world.within(system.log.close(), 'the third close')
      await refused(world.append(topic, 'x'), 'LOG_CLOSED')
      await refused(world.read({ topic, partition: 0 }, 0n), 'LOG_CLOSED')
      await refused(world.log.bounds({ topic, partition: 0 }), 'LOG_CLOSED')
      await refused(world.log.deleteRecords({ topic, partition: 0, offset: offset(1) }), 'LOG_CLOSED')
      await refused(world.log.topics.create('a', { partitions: 1 }), 'LOG_CLOSED')
      await refused(world.groups.join('g', [topic], world.member('a')), 'LOG_CLOSED')
    },
  },
  {
    promise: 'lets appends under way finish before it closes',
    async keeps(world) {
      const topic = await world.topic()
      const values = Array.from({ length: 20 }, (_, i) => `v${i}`)
      const appends = values.map(value => world.append(topic, value))
      await world.close()
      const outcomes = (await world.within(Promise.all(appends), 'the appends')).flat()
      expect(outcomes.map(({ kind }) => kind)).toEqual(values.map(() => 'appended'))
      await world.open()
      expect(await world.values(topic)).toEqual(values)
    },
  },
  {
    promise: 'ends waiting reads when it closes',
    async keeps(world) {
      const topic = await world.topic()
      const reading = world.read({ topic, partition: 0 }, 0n, { waitMs: 10 * world.settings.patienceMs })
      await world.beats(1)
      await world.close()
      expect((await world.within(reading, 'the waiting read')).records).toEqual([])
    },
  },
  {
    promise: 'hazard 12: drains its members before it closes, and stores what they commit then',
    async keeps(world) {
      const topic = await world.topic()
      const at = storedAt((await world.append(topic, 'x'))[0])
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      a.drain = async ([owned]) => {
        await world.beats(2)
        if (owned) await world.groups.commit('g', [{ ...owned, offset: at }])
      }
      await world.reopen()
      expect(a.events()).toContain(`released ${topic}/0`)
      expect(await world.groups.committed('g')).toMatchObject([{ topic, offset: at }])
    },
  },
  {
    promise: 'goes on after it was closed and opened again: same records, offsets and times only grow',
    async keeps(world) {
      const topic = await world.topic(2)
      const last = storedAt((await world.append(topic, 'a', 'b'))[1])
      const before = await world.readAll(topic)
      await world.reopen()
      expect(await world.readAll(topic)).toEqual(before)
      expect(await world.log.topics.describe(topic)).toMatchObject({ partitions: 2 })
      world.clock.shiftWall(-3_600_000)
      expect(storedAt((await world.append(topic, 'c'))[0])).toBeGreaterThan(last)
      const after = await world.readAll(topic)
      expect(after.map(({ timestamp }) => timestamp)).toEqual(
        after.map(({ timestamp }) => timestamp).toSorted((x, y) => x - y),
      )
    },
  },
  {
    promise: 'hazard 1: has every acknowledged record, topic and position after the process died',
    needs: ['persists'],
    async keeps(world) {
      const topic = await world.topic(2, { retentionMs: 3_600_000 })
      const values = Array.from({ length: 50 }, (_, i) => `v${i}`)
      const outcomes = (await Promise.all(values.map(value => world.append(topic, value)))).flat()
      const a = await world.member('a').join('g', topic)
      await a.owns(2)
      const owned = a.at(`${topic}/0`)
      const at = storedAt(outcomes[10])
      await world.groups.commit('g', [{ ...owned, offset: at, note: 'note' }])
      await world.crashAndReopen()
      expect(await world.values(topic)).toEqual(values)
      expect(await world.log.topics.describe(topic)).toEqual({ partitions: 2, retentionMs: 3_600_000 })
      expect(await world.groups.committed('g')).toEqual([{ topic, partition: 0, offset: at, note: 'note' }])
      const b = await world.member('b').join('g', topic)
      await b.owns(2)
      expect(b.at(`${topic}/0`).epoch).toBeGreaterThan(owned.epoch)
    },
  },
]
