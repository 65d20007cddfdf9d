import { expect } from 'vitest'
import type { LogPromise } from '../harness.ts'
import { refused, storedAt } from '../world.ts'

export const topicPromises: readonly LogPromise[] = [
  {
    promise: 'describes and lists what was declared, and nothing else',
    async keeps(world) {
      const { topics } = world.log
      await topics.create('b', { partitions: 3, retentionMs: 1_000, retentionBytes: 2_000 })
      await topics.create('a', { partitions: 1 })
      expect(await topics.describe('b')).toEqual({ partitions: 3, retentionMs: 1_000, retentionBytes: 2_000 })
      expect(await topics.describe('a')).toMatchObject({ partitions: 1 })
      expect((await topics.describe('a'))?.retentionMs).toBeUndefined()
      expect(await topics.describe('c')).toBeUndefined()
      expect((await topics.list()).toSorted()).toEqual(['a', 'b'])
    },
  },
  {
    promise: 'takes the same declaration again, with the retention that it names now',
    async keeps(world) {
      const topic = await world.topic(2, { retentionMs: 1_000 })
      await world.append(topic, 'kept')
      await world.log.topics.create(topic, { partitions: 2, retentionMs: 5_000 })
      expect(await world.log.topics.describe(topic)).toMatchObject({ partitions: 2, retentionMs: 5_000 })
      expect(await world.values(topic)).toEqual(['kept'])
    },
  },
  {
    promise: 'adds partitions and keeps what is in the others',
    async keeps(world) {
      const topic = await world.topic(1)
      await world.append(topic, 'kept')
      await world.log.topics.create(topic, { partitions: 3 })
      expect(await world.log.topics.describe(topic)).toMatchObject({ partitions: 3 })
      await world.append(topic, { partition: 2 })
      expect(await world.values(topic, 0)).toEqual(['kept'])
      expect(await world.readAll(topic, 2)).toHaveLength(1)
    },
  },
  {
    promise: 'refuses fewer partitions than there are, and changes nothing',
    async keeps(world) {
      const topic = await world.topic(3, { retentionMs: 1_000 })
      await refused(world.log.topics.create(topic, { partitions: 2 }), 'LOG_TOPIC_EXISTS')
      expect(await world.log.topics.describe(topic)).toMatchObject({ partitions: 3, retentionMs: 1_000 })
    },
  },
  {
    promise: 'refuses names and numbers that cannot work',
    async keeps(world) {
      const { topics } = world.log
      for (const name of ['', 'a/b', 'ä', 'a b', 'x'.repeat(250)])
        await refused(topics.create(name, { partitions: 1 }), 'CONFIG_INVALID')
      for (const partitions of [0, -1, 1.5, Number.NaN])
        await refused(topics.create('a', { partitions }), 'CONFIG_INVALID')
      await refused(topics.create('a', { partitions: 1, retentionMs: 0 }), 'CONFIG_INVALID')
      expect(await topics.list()).toEqual([])
    },
  },
  {
    promise: 'deletes a topic with its records and positions, so that one made later is new',
    async keeps(world) {
      const topic = await world.topic()
      const other = await world.topic()
      const at = storedAt((await world.append(topic, 'old'))[0])
      await world.append(other, 'kept')
      await world.groups.move('g', [
        { topic, partition: 0, offset: at },
        { topic: other, partition: 0, offset: at },
      ])
      await world.log.topics.delete(topic)
      await world.log.topics.delete('topic-typo')
      await refused(world.append(topic, 'x'), 'LOG_TOPIC_UNKNOWN')
      await refused(world.read({ topic, partition: 0 }, 0n), 'LOG_TOPIC_UNKNOWN')
      expect(await world.log.topics.list()).toEqual([other])
      await world.log.topics.create(topic, { partitions: 1 })
      await world.append(topic, 'new')
      expect(await world.values(topic)).toEqual(['new'])
      expect(await world.values(other)).toEqual(['kept'])
      expect((await world.groups.committed('g')).map(({ topic }) => topic)).toEqual([other])
    },
  },
]
