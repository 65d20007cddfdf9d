import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { ImportedRecord, Imports } from '../../port.ts'
import type { LogPromise } from '../harness.ts'
import { bytes, refused, storedAt, text, type World } from '../world.ts'

/** Times that have passed already, as those of another log have. */
const PAST = 1_700_000_000_000

function imports(world: World): Imports {
  const { imports } = world.system
  if (!imports) throw new Error('it says that it can, and has nothing that does')
  return imports
}

const record = (value: string, timestamp: number): ImportedRecord => ({
  key: undefined,
  value: bytes(value),
  headers: {},
  timestamp,
})

const records = (from: number, to: number): ImportedRecord[] =>
  Array.from({ length: to - from }, (_, i) => record(`v${from + i}`, PAST + from + i))

export const importPromises: readonly LogPromise[] = [
  {
    promise: 'lets an empty partition go on at any offset, and once more when it is asked again',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic(2)
      const at = { topic, partition: 0, offset: offset(1_234) }
      for (let time = 0; time < 2; time++) {
        await imports(world).begin(at)
        expect(await world.log.bounds(at)).toEqual({ start: at.offset, end: at.offset })
      }
      expect((await world.log.bounds({ topic, partition: 1 })).end).toBe(0n)
      expect((await world.read(at, at.offset)).records).toEqual([])
      const later = { ...at, offset: offset(2_000) }
      await imports(world).begin(later)
      expect(await world.log.bounds(at)).toEqual({ start: later.offset, end: later.offset })
      expect(storedAt((await world.append(topic, 'a'))[0])).toBe(later.offset)
      expect(await world.values(topic)).toEqual(['a'])
    },
  },
  {
    promise: 'lets none go on elsewhere that holds records, or ends above',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'a', 'b')
      const partition = { topic, partition: 0 }
      for (const at of [0n, 1n, 2n, 50n])
        await refused(imports(world).begin({ ...partition, offset: offset(at) }), 'MIGRATION_REFUSED')
      expect(await world.values(topic)).toEqual(['a', 'b'])
      const { end } = await world.log.bounds(partition)
      await world.log.deleteRecords({ ...partition, offset: end })
      await refused(imports(world).begin({ ...partition, offset: offset(end - 1n) }), 'MIGRATION_REFUSED')
      await refused(imports(world).begin({ topic: 'typo', partition: 0, offset: end }), 'LOG_TOPIC_UNKNOWN')
    },
  },
  {
    promise: 'has every record of another log at its offset with its key, bytes, headers and time',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic(2)
      const at = { topic, partition: 1, offset: offset(70) }
      const given: ImportedRecord[] = [
        {
          key: 'k',
          value: new Uint8Array([0, 255, 128]),
          headers: { ce_id: '1', empty: '' },
          timestamp: PAST,
        },
        { key: '', value: null, headers: { größe: '🙂' }, timestamp: PAST },
        { key: undefined, value: new Uint8Array(), headers: {}, timestamp: PAST + 5_000 },
        { key: undefined, value: bytes('x'.repeat(10_000)), headers: {}, timestamp: PAST + 5_001 },
      ]
      await imports(world).begin(at)
      await imports(world).append(at, given.slice(0, 2))
      await imports(world).append({ ...at, offset: offset(72) }, given.slice(2))
      const stored = (await world.readAll(topic, 1)).map(one => ({
        ...one,
        value: one.value && new Uint8Array(one.value),
      }))
      expect(stored).toEqual(given.map((one, i) => ({ ...one, topic, partition: 1, offset: offset(70 + i) })))
      expect(await world.log.offsetAt(at, PAST + 1)).toBe(72n)
      expect(await world.log.offsetAt(at, PAST + 5_001)).toBe(73n)
      expect((await world.log.bounds({ topic, partition: 0 })).end).toBe(0n)
    },
  },
  {
    promise: 'takes records of another log only where the partition ends, and goes on behind them as ever',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic()
      const at = { topic, partition: 0 }
      await imports(world).append({ ...at, offset: offset(0) }, records(0, 4))
      for (const wrong of [0n, 3n, 5n]) {
        await refused(
          imports(world).append({ ...at, offset: offset(wrong) }, records(4, 6)),
          'MIGRATION_REFUSED',
        )
      }
      await imports(world).append({ ...at, offset: offset(4) }, records(4, 6))
      expect(storedAt((await world.append(topic, 'own'))[0])).toBe(6n)
      const stored = await world.readAll(topic)
      expect(stored.map(({ value }) => text(value))).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'own'])
      expect(stored.at(-1)?.timestamp).toBeGreaterThanOrEqual(PAST + 5)
    },
  },
  {
    promise: 'wakes who waits for records, also when they are of another log',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic()
      const at = { topic, partition: 0, offset: offset(0) }
      const waiting = world.read(at, at.offset, { waitMs: 1e8 })
      await imports(world).append(at, records(0, 1))
      expect((await world.within(waiting, 'a reader that waits')).records).toHaveLength(1)
    },
  },
  {
    promise: 'sets positions with their notes, none included, and the next owner goes on from there',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic(2)
      for (const partition of [0, 1]) await world.append(topic, { partition }, { partition })
      const positions = [
        { topic, partition: 0, offset: offset(2), note: '1 ß a.b.c' },
        { topic, partition: 1, offset: offset(1), note: undefined },
      ]
      // Twice: the second time over what the first has left.
      await imports(world).positions('g', [{ ...positions[1], note: 'old' } as (typeof positions)[1]])
      await imports(world).positions('g', positions)
      const committed = await world.groups.committed('g')
      expect(committed.toSorted((a, b) => a.partition - b.partition)).toEqual(positions)
      expect(await world.groups.list()).toEqual(['g'])
      const a = await world.member('a').join('g', topic)
      await a.owns(2)
      expect(await world.groups.committed('g')).toHaveLength(2)
      const commit = { ...a.at(`${topic}/1`), offset: offset(2), note: 'new' }
      expect(await world.groups.commit('g', [commit])).toEqual([{ kind: 'committed' }])
    },
  },
  {
    promise: 'sets no position under an owner, above the end, or in a topic that is not there',
    needs: ['imports'],
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, 'a', 'b')
      const at = { topic, partition: 0, offset: offset(1), note: 'n' }
      const into = imports(world)
      await refused(into.positions('g', [at, { ...at, offset: offset(3) }]), 'OFFSET_OUT_OF_RANGE')
      await refused(into.positions('g', [{ ...at, topic: 'typo' }]), 'LOG_TOPIC_UNKNOWN')
      expect(await world.groups.committed('g')).toEqual([])
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      await refused(into.positions('g', [at]), 'GROUP_ACTIVE')
      expect(await world.groups.committed('g')).toEqual([])
    },
  },
  {
    promise: 'has what came from another log after the process died',
    needs: ['imports', 'persists'],
    async keeps(world) {
      const topic = await world.topic()
      const at = { topic, partition: 0, offset: offset(40) }
      await imports(world).begin(at)
      await imports(world).append(at, records(0, 3))
      await imports(world).positions('g', [{ ...at, offset: offset(42), note: 'n' }])
      await world.crashAndReopen()
      expect(await world.log.bounds(at)).toEqual({ start: 40n, end: 43n })
      expect((await world.readAll(topic)).map(({ timestamp }) => timestamp)).toEqual([
        PAST,
        PAST + 1,
        PAST + 2,
      ])
      expect(await world.groups.committed('g')).toEqual([{ ...at, offset: offset(42), note: 'n' }])
    },
  },
]
