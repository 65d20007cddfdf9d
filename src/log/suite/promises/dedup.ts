import { expect } from 'vitest'
import type { AppendRecord, DedupKey } from '../../port.ts'
import type { LogPromise } from '../harness.ts'
import { bytes, refused, storedAt } from '../world.ts'

const needs = ['deduplicates'] as const

function event(
  id: string,
  payload: string,
  { scope = 'tenant', source = 'source' } = {},
): Partial<AppendRecord> & {
  readonly dedup: DedupKey
} {
  return {
    partition: 0,
    value: bytes(payload),
    dedup: { scope, source, id, hash: bytes(`hash of ${payload}`) },
  }
}

export const dedupPromises: readonly LogPromise[] = [
  {
    promise: 'hazard 5: answers the first position for an id that is known, and stores nothing',
    needs,
    async keeps(world) {
      const topic = await world.topic(2)
      const [first] = await world.append(topic, event('1', 'a'))
      storedAt(first)
      for (let i = 0; i < 3; i++) {
        const [again] = await world.append(topic, { ...event('1', 'a'), partition: 1 })
        expect(again).toEqual({ kind: 'duplicate', position: first?.position })
      }
      expect(await world.values(topic, 0)).toEqual(['a'])
      expect(await world.values(topic, 1)).toEqual([])
    },
  },
  {
    promise: 'hazard 6: answers a conflict for a known id with another payload, and stores nothing',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      const [first] = await world.append(topic, event('1', 'a'))
      const [other] = await world.append(topic, event('1', 'b'))
      expect(other).toEqual({ kind: 'conflict', position: first?.position })
      expect(await world.append(topic, event('1', 'a'))).toEqual([
        { kind: 'duplicate', position: first?.position },
      ])
      expect(await world.values(topic)).toEqual(['a'])
    },
  },
  {
    promise: 'hazard S5: takes the same id in another scope or from another source for another event',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      const outcomes = await world.append(
        topic,
        event('1', 'a'),
        event('1', 'b', { scope: 'other' }),
        event('1', 'c', { source: 'other' }),
        event('2', 'd'),
        event('c', 'e', { scope: 'a', source: 'b' }),
        event('', 'f', { scope: 'a', source: 'bc' }),
        event('bc', 'g', { scope: 'a', source: '' }),
        event('c', 'h', { scope: 'ab', source: '' }),
        event('|c', 'i', { scope: 'a', source: 'b' }),
        event('c', 'j', { scope: 'a', source: 'b|' }),
        event('\0c', 'k', { scope: 'a', source: 'b' }),
        event('c', 'l', { scope: 'a', source: 'b\0' }),
      )
      expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map(() => 'appended'))
      expect((await world.values(topic)).join('')).toBe('abcdefghijkl')
    },
  },
  {
    promise: 'finds duplicates and conflicts within one call, and answers each record in its place',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      const outcomes = await world.append(
        topic,
        event('1', 'a'),
        'plain',
        event('1', 'a'),
        event('2', 'b'),
        event('1', 'other'),
        'plain',
      )
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        'appended',
        'appended',
        'duplicate',
        'appended',
        'conflict',
        'appended',
      ])
      expect(outcomes[2]?.position).toEqual(outcomes[0]?.position)
      expect(outcomes[4]?.position).toEqual(outcomes[0]?.position)
      expect(await world.values(topic)).toEqual(['a', 'plain', 'b', 'plain'])
    },
  },
  {
    promise: 'hazard 57: stores one of many concurrent appends of an id, and answers its position to all',
    needs,
    async keeps(world) {
      const topic = await world.topic(4)
      const outcomes = (
        await Promise.all(
          Array.from({ length: 16 }, (_, i) => world.append(topic, { ...event('1', 'a'), partition: i % 4 })),
        )
      ).flat()
      expect(outcomes.filter(({ kind }) => kind === 'appended')).toHaveLength(1)
      expect(outcomes.filter(({ kind }) => kind === 'duplicate')).toHaveLength(15)
      expect(new Set(outcomes.map(({ position }) => `${position.partition}@${position.offset}`)).size).toBe(1)
      const stored = await Promise.all([0, 1, 2, 3].map(partition => world.values(topic, partition)))
      expect(stored.flat()).toEqual(['a'])
    },
  },
  {
    promise: 'does not know the ids of a call that was refused',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      const large = { partition: 0, value: new Uint8Array(world.settings.maxRecordBytes + 1) }
      await refused(world.append(topic, event('1', 'a'), large), 'LOG_RECORD_TOO_LARGE')
      storedAt((await world.append(topic, event('1', 'a')))[0])
    },
  },
  {
    promise: 'stores records without an id as often as they come',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'same', 'same')
      await world.append(topic, 'same')
      expect(await world.values(topic)).toEqual(['same', 'same', 'same'])
    },
  },
  {
    promise: 'knows ids after the process died',
    needs: ['deduplicates', 'persists'],
    async keeps(world) {
      const topic = await world.topic()
      const [first] = await world.append(topic, event('1', 'a'))
      await world.crashAndReopen()
      expect(await world.append(topic, event('1', 'a'), event('1', 'b'))).toEqual([
        { kind: 'duplicate', position: first?.position },
        { kind: 'conflict', position: first?.position },
      ])
    },
  },
]
