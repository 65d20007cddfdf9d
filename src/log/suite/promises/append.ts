import { expect } from 'vitest'
import { partitionOfKey } from '../../partition.ts'
import type { LogPromise } from '../harness.ts'
import { bytes, record, refused, storedAt, text } from '../world.ts'

const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i)

export const appendPromises: readonly LogPromise[] = [
  {
    promise: 'answers one outcome per record, in the order of the call, with the position where it stands',
    async keeps(world) {
      const topic = await world.topic(4)
      const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
      const outcomes = await world.append(topic, ...keys.map(key => ({ key, value: bytes(key) })))
      expect(outcomes.map(outcome => outcome.kind)).toEqual(keys.map(() => 'appended'))
      for (const [i, { position }] of outcomes.entries()) {
        const { records } = await world.read(position, position.offset, { maxRecords: 1 })
        expect(records[0]).toMatchObject({ ...position, key: keys[i] })
      }
    },
  },
  {
    promise: 'answers an empty call with no outcomes',
    async keeps(world) {
      expect(await world.append(await world.topic())).toEqual([])
    },
  },
  {
    promise: 'stores the records of one call to one partition in call order, with growing offsets',
    async keeps(world) {
      const topic = await world.topic()
      const values = Array.from({ length: 100 }, (_, i) => `v${i}`)
      const offsets = (await world.append(topic, ...values)).map(storedAt)
      expect(offsets.every((offset, i) => i === 0 || offset > (offsets[i - 1] ?? offset))).toBe(true)
      expect(await world.values(topic)).toEqual(values)
    },
  },
  {
    promise: 'orders calls by when they were made, also when none waits for the one before',
    async keeps(world) {
      const topic = await world.topic()
      const values = Array.from({ length: 60 }, (_, i) => `v${i}`)
      await Promise.all(values.map(value => world.append(topic, value)))
      expect(await world.values(topic)).toEqual(values)
    },
  },
  {
    promise:
      'hazard 18: gives concurrent appends offsets of their own, each with the record that it was answered for',
    async keeps(world) {
      const topic = await world.topic(2)
      const calls = Array.from({ length: 20 }, (_, call) =>
        Array.from({ length: 10 }, (_, i) => ({ partition: i % 2, value: bytes(`${call}.${i}`) })),
      )
      const outcomes = (await Promise.all(calls.map(call => world.append(topic, ...call)))).flat()
      const answered = new Map(
        outcomes.map(({ position }, i) => [
          `${position.partition}@${position.offset}`,
          text(calls.flat()[i]?.value ?? null),
        ]),
      )
      const stored = [...(await world.readAll(topic, 0)), ...(await world.readAll(topic, 1))]
      expect(answered.size).toBe(200)
      expect(new Map(stored.map(r => [`${r.partition}@${r.offset}`, text(r.value)]))).toEqual(answered)
    },
  },
  {
    promise: 'hazard 7: keeps value, key and headers as they were given: binary, empty, Unicode',
    async keeps(world) {
      const topic = await world.topic()
      const given = [
        record({
          partition: 0,
          value: allBytes,
          key: 'schlüssel-🔑',
          headers: { ce_subject: 'größe 🙂', empty: '' },
        }),
        record({ partition: 0, value: new Uint8Array(0), key: '' }),
        record({ partition: 0, value: bytes('{"n":12345678901234567890,"n":1.10}') }),
        record({ partition: 0, value: bytes('x'), headers: { ['__proto__']: 'polluted', constructor: 'x' } }),
      ]
      await world.append(topic, ...given)
      const stored = await world.readAll(topic)
      expect(stored.map(({ key }) => key)).toEqual(given.map(({ key }) => key))
      expect(stored.map(({ value }) => Array.from(value ?? []))).toEqual(
        given.map(({ value }) => Array.from(value ?? [])),
      )
      expect(stored.map(({ headers }) => Object.entries(headers))).toEqual(
        given.map(({ headers }) => Object.entries(headers)),
      )
    },
  },
  {
    promise: 'hazard 42: tells a tombstone from an empty value, and no key from an empty one',
    async keeps(world) {
      const topic = await world.topic()
      await world.append(
        topic,
        { partition: 0, value: null, key: 'k' },
        { partition: 0, value: new Uint8Array(0), key: '' },
        { partition: 0, value: new Uint8Array(0) },
      )
      const stored = await world.readAll(topic)
      expect(stored.map(({ value }) => value === null)).toEqual([true, false, false])
      expect(stored.map(({ key }) => key)).toEqual(['k', '', undefined])
    },
  },
  {
    promise: 'keeps its bytes to itself: buffers used again, before or after reading, change nothing',
    async keeps(world) {
      const topic = await world.topic()
      const value = bytes('original')
      await world.append(topic, { partition: 0, value })
      value.fill(0)
      const [first] = await world.readAll(topic)
      expect(text(first?.value ?? null)).toBe('original')
      first?.value?.fill(0)
      expect(await world.values(topic)).toEqual(['original'])
    },
  },
  {
    promise: 'hazard 30: puts a key where the Java client of Kafka puts it, every time',
    async keeps(world) {
      const topic = await world.topic(7)
      const keys = Array.from({ length: 50 }, (_, i) => `tenant/ключ-${i}`)
      for (const outcomes of [
        await world.append(topic, ...keys.map(key => ({ key }))),
        await world.append(topic, ...keys.map(key => ({ key }))),
      ])
        expect(outcomes.map(({ position }) => position.partition)).toEqual(
          keys.map(key => partitionOfKey(key, 7)),
        )
    },
  },
  {
    promise: 'spreads records without a key over all partitions',
    async keeps(world) {
      const topic = await world.topic(4)
      for (let i = 0; i < 4; i++) await world.append(topic, {}, {})
      const counts = await Promise.all(
        [0, 1, 2, 3].map(async partition => (await world.readAll(topic, partition)).length),
      )
      expect(counts).toEqual([2, 2, 2, 2])
    },
  },
  {
    promise:
      'puts a record where it says itself, and refuses a partition that is not there, storing nothing of the call',
    async keeps(world) {
      const topic = await world.topic(3)
      const [outcome] = await world.append(topic, { key: 'k', partition: 2, value: bytes('mine') })
      expect(outcome?.position.partition).toBe(2)
      await refused(world.append(topic, { partition: 2 }, { partition: 3 }), 'CONFIG_INVALID')
      expect(await world.values(topic, 2)).toEqual(['mine'])
    },
  },
  {
    promise:
      'hazard 20: takes a record of just maxRecordBytes; one byte more is refused and nothing of its call is stored',
    async keeps(world) {
      const topic = await world.topic()
      const { maxRecordBytes } = world.settings
      const headers = { name: 'value' }
      const value = new Uint8Array(maxRecordBytes - 'key'.length - 'namevalue'.length)
      await world.append(topic, { partition: 0, key: 'key', headers, value })
      const larger = { partition: 0, key: 'key!', headers, value }
      const error = await refused(world.append(topic, 'before', larger, 'after'), 'LOG_RECORD_TOO_LARGE')
      expect(error.facts).toMatchObject({ index: 1, bytes: maxRecordBytes + 1, maxRecordBytes })
      const stored = await world.readAll(topic)
      expect(stored.map(({ value }) => value?.length)).toEqual([value.length])
    },
  },
  {
    promise: 'hazard 29: refuses a topic that was not declared, and does not make it',
    async keeps(world) {
      await refused(world.append('topic-typo', 'x'), 'LOG_TOPIC_UNKNOWN')
      expect(await world.log.topics.list()).toEqual([])
    },
  },
  {
    promise: 'hazard 19: stamps records with the time of the log, which never goes back within a partition',
    async keeps(world) {
      const topic = await world.topic()
      const before = world.clock.now()
      const [first] = await world.append(topic, 'a')
      world.clock.shiftWall(-3_600_000)
      const [second] = await world.append(topic, 'b')
      world.clock.shiftWall(2 * 3_600_000)
      const [third] = await world.append(topic, 'c')
      const stamps = (await world.readAll(topic)).map(({ timestamp }) => timestamp)
      expect(stamps).toEqual(
        [first, second, third].map(outcome => (outcome?.kind === 'appended' ? outcome.timestamp : undefined)),
      )
      expect(stamps[0]).toBeGreaterThanOrEqual(before)
      expect(stamps[0]).toBeLessThanOrEqual(before + 60_000)
      expect(stamps[1]).toBeGreaterThanOrEqual(stamps[0] ?? 0)
      expect(stamps[1]).toBeLessThanOrEqual(before + 60_000)
      expect(stamps[2]).toBeGreaterThanOrEqual(before + 3_600_000)
    },
  },
]
