import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { Lease } from '../../port.ts'
import type { SinkPromise } from '../harness.ts'

const offsets = { dedup: 'offsets' } as const

export const offsetPromises: readonly SinkPromise[] = [
  {
    promise:
      'what is known of offsets from before a topic was deleted is forgotten, once for each deletion; ids are not',
    async keeps(world) {
      const anew = (since: bigint, partition = 0): Promise<Lease> =>
        world.sink.takeOver(world.scope({ partition }), async () => true, since)
      const [lease, other] = [await world.lease(), await world.lease({ partition: 1 })]
      const [first, second] = [world.record('a'), world.record('b')]
      await world.kinds(lease, [first, second], undefined, offsets)
      await world.kinds(other, [first], undefined, offsets)
      await world.kinds(lease, [world.record('an id')])
      const range = { job: 'j', from: offset(0), to: offset(10) }
      await world.sink.reprocess(lease, range, async () => {}, new AbortController().signal)

      const next = await anew(7n)
      expect(next.appliedBelow).toBe(0n)
      expect(await world.sink.reprocessed(next)).toEqual([])
      expect(await world.kinds(next, [first], undefined, offsets)).toEqual(['applied'])
      expect(await world.kinds(next, [world.record('an id')])).toEqual(['duplicate'])
      expect(await world.kinds(await anew(7n), [first, second], undefined, offsets)).toEqual([
        'duplicate',
        'applied',
      ])
      expect((await anew(8n)).appliedBelow).toBe(0n)
      expect((await world.lease({ partition: 1 })).appliedBelow).toBe(1n)
    },
  },
  {
    promise: 'the applied offset of a group survives its owner, as a lower bound',
    async keeps(world) {
      const lease = await world.lease()
      expect(lease.appliedBelow).toBe(0n)
      await expect
        .poll(
          async () => {
            await world.kinds(lease, [world.record(crypto.randomUUID())], undefined, {
              appliedBelow: offset(7),
            })
            return (
              await world.under.query(
                'select below from holdfast.applied a join holdfast.grp g using (grp) where g.name = $1',
                [world.group],
              )
            )[0]?.['below']
          },
          { timeout: 10_000 },
        )
        .toBe('7')
      expect((await world.lease()).appliedBelow).toBe(7n)
      expect((await world.lease({ generation: 1 })).appliedBelow).toBe(0n)
    },
  },
  {
    promise: 'concurrent transactions of one partition do not wait for each other',
    async keeps(world) {
      const lease = await world.lease()
      let inside = 0
      const all = Promise.withResolvers<void>()
      const work = async (): Promise<void> => {
        if (++inside === 4) all.resolve()
        await all.promise
      }
      const below = { appliedBelow: offset(3) }
      await new Promise(done => setTimeout(done, 1_100))
      const kinds = await Promise.all(
        ['a', 'b', 'c', 'd'].map(id => world.kinds(lease, [world.record(id)], work, below)),
      )
      expect(kinds.flat()).toEqual(['applied', 'applied', 'applied', 'applied'])
    },
  },
  {
    promise: 'offsets alone: a record is applied once, in order, with its offset in the same transaction',
    async keeps(world) {
      const lease = await world.lease()
      const records = Array.from({ length: 6 }, (_, i) => world.record(`r${i}`))
      expect(await world.kinds(lease, records.slice(0, 3), undefined, offsets)).toEqual(
        Array(3).fill('applied'),
      )
      expect(await world.kinds(lease, records, undefined, offsets)).toEqual([
        ...Array<string>(3).fill('duplicate'),
        ...Array<string>(3).fill('applied'),
      ])
      expect((await world.lease()).appliedBelow).toBe((records[5]?.offset ?? 0n) + 1n)
      expect(await world.effects()).toEqual(records.map(({ id }) => id))
    },
  },
  {
    promise: 'offsets alone: a record that fails holds back all later ones, and is tried again',
    async keeps(world) {
      const lease = await world.lease()
      const records = Array.from({ length: 5 }, (_, i) => world.record(`r${i}`, { key: `k${i}` }))
      const kinds = await world.kinds(
        lease,
        records,
        async (tx, fresh) => {
          for (const i of fresh) {
            await world.insertEffect(tx, [`r${i}`])
            if (i === 2) await tx.query('select 1 / 0')
          }
        },
        offsets,
      )
      expect(kinds).toEqual(['applied', 'applied', 'failed', 'held', 'held'])
      expect(await world.kinds(lease, records, undefined, offsets)).toEqual([
        'duplicate',
        'duplicate',
        'applied',
        'applied',
        'applied',
      ])
      expect(await world.effects()).toEqual(records.map(({ id }) => id))
    },
  },
  {
    promise: 'offsets alone: a single record that fails is not passed over',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a')
      const outcome = await world.kinds(lease, [record], () => Promise.reject(new Error('no')), offsets)
      expect(outcome).toEqual(['failed'])
      expect(await world.kinds(lease, [record], undefined, offsets)).toEqual(['applied'])
    },
  },
]
