import { expect } from 'vitest'
import type { FindOptions, IdSearch } from '../../port.ts'
import type { LogPromise } from '../harness.ts'
import { bytes, text, type World } from '../world.ts'

const needs = ['findsIds'] as const

async function find(world: World, id: string, options: Partial<FindOptions> = {}): Promise<IdSearch> {
  if (!world.system.findId) throw new Error('features say that it finds ids')
  const { as = ['id', 'causationId', 'correlationId'], limit = 100, patienceMs = 60_000 } = options
  const { signal = new AbortController().signal } = options
  return world.system.findId(id, { as, limit, patienceMs, signal })
}

const values = ({ records }: IdSearch): (string | null)[] => records.map(({ value }) => text(value))

const named = (value: string, headers: Record<string, string>, partition = 0) => ({
  value: bytes(value),
  headers,
  partition,
})

export const findPromises: readonly LogPromise[] = [
  {
    promise:
      'finds the event of an id in any topic, what it caused and what belongs to its story, oldest first',
    needs,
    async keeps(world) {
      const [orders, mails] = [await world.topic(3), await world.topic()]
      await world.append(
        orders,
        named('other', { ce_id: 'a' }),
        named('first', { ce_id: 'b', ce_correlationid: 'b' }, 2),
      )
      world.clock.pass(1_000)
      await world.append(mails, named('caused', { ce_id: 'c', ce_causationid: 'b', ce_correlationid: 'b' }))
      world.clock.pass(1_000)
      await world.append(
        orders,
        named('same story', { ce_id: 'd', ce_causationid: 'c', ce_correlationid: 'b' }),
      )
      expect(values(await find(world, 'b'))).toEqual(['first', 'caused', 'same story'])
      expect(values(await find(world, 'b', { as: ['id'] }))).toEqual(['first'])
      expect(values(await find(world, 'b', { as: ['causationId'] }))).toEqual(['caused'])
      const [found] = (await find(world, 'c', { as: ['id'] })).records
      expect(found).toEqual((await world.readAll(mails))[0])
      expect(values(await find(world, 'nobody'))).toEqual([])
    },
  },
  {
    promise: 'finds an id only where it stands whole in a header for ids',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      await world.append(
        topic,
        { value: bytes('order-1'), partition: 0, key: 'order-1' },
        named('longer', { ce_id: 'order-12' }),
        named('inside', { ce_id: 'my order-1' }),
        named('elsewhere', { ce_subject: 'order-1', ce_source: 'order-1' }),
        named('it', { ce_id: 'order-1' }),
        named('other script', { ce_id: 'Größe ✓' }),
      )
      expect(values(await find(world, 'order-1'))).toEqual(['it'])
      expect(values(await find(world, 'Größe ✓'))).toEqual(['other script'])
    },
  },
  {
    promise: 'answers no more than it was asked for, and says that there is more',
    needs,
    async keeps(world) {
      const topic = await world.topic()
      for (let n = 0; n < 5; n++) await world.append(topic, named(`n${n}`, { ce_id: 'again' }))
      const some = await find(world, 'again', { limit: 3 })
      expect([some.records.length, some.more]).toEqual([3, true])
      const all = await find(world, 'again', { limit: 6 })
      expect([all.records.length, all.more]).toEqual([5, false])
    },
  },
  {
    promise: 'answers for every event that there is, or says which it left out',
    needs,
    async keeps(world) {
      const topic = await world.topic(2)
      for (let n = 0; n < 40; n++) await world.append(topic, named('x', { ce_id: `id ${n}` }, n % 2))
      const whole = await find(world, 'nobody')
      expect(whole.unsearched).toEqual([])
      expect(whole.searched.events).toBe(40n)
      const hasty = await find(world, 'nobody', { signal: AbortSignal.abort() })
      const left = hasty.unsearched.reduce((sum, { from, to }) => sum + (to - from), 0n)
      expect(hasty.searched.events + left).toBe(40n)
      for (const { until } of hasty.unsearched) expect(until).toBeGreaterThan(0)
    },
  },
  {
    promise: 'finds nothing in what was deleted, and all else',
    needs: ['findsIds', 'retains'],
    async keeps(world) {
      const topic = await world.topic(1, { retentionMs: 60_000 })
      const gone = await world.topic()
      await world.append(topic, named('old', { ce_id: 'x' }))
      await world.append(gone, named('gone', { ce_id: 'x' }))
      world.clock.pass(61_000)
      await world.append(topic, named('young', { ce_id: 'x' }))
      await world.log.enforceRetention?.(new AbortController().signal)
      await world.log.topics.delete(gone)
      const found = await find(world, 'x')
      expect(values(found)).toEqual(['young'])
      expect(found.unsearched).toEqual([])
    },
  },
  {
    promise: 'finds after the process died what was stored before',
    needs: ['findsIds', 'persists'],
    async keeps(world) {
      const topic = await world.topic()
      await world.append(topic, named('kept', { ce_id: 'x' }))
      await world.crashAndReopen()
      expect(values(await find(world, 'x'))).toEqual(['kept'])
    },
  },
]
