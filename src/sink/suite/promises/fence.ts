import { expect } from 'vitest'
import type { SinkPromise } from '../harness.ts'
import { background, door, rejection } from '../world.ts'

export const fencePromises: readonly SinkPromise[] = [
  {
    promise: 'each take-over raises the epoch, and fences the former owner, whose work leaves nothing',
    async keeps(world) {
      const former = await world.lease()
      const owner = await world.lease({ owner: 'next' }, await world.under.another())
      expect(owner.epoch).toBe(former.epoch + 1n)
      const called = world.kinds(former, [world.record('a')], () => expect.fail('called while fenced'))
      expect(await rejection(called)).toBe('SINK_FENCED')
      expect(await world.kinds(owner, [world.record('a')])).toEqual(['applied'])
    },
  },
  {
    promise: 'partitions and groups have leases of their own',
    async keeps(world) {
      const lease = await world.lease()
      await world.lease({ partition: 1 })
      await world.lease({ topic: 'other' })
      await world.lease({ group: `${world.group}-other` })
      expect(await world.kinds(lease, [world.record('a')])).toEqual(['applied'])
    },
  },
  {
    promise: 'a take-over in a new generation fences the owner in the old one',
    async keeps(world) {
      const former = await world.lease()
      await world.lease({ generation: 1 })
      expect(await rejection(world.kinds(former, [world.record('a')]))).toBe('SINK_FENCED')
    },
  },
  {
    promise: 'a take-over that the log does not confirm changes nothing',
    async keeps(world) {
      const owner = await world.lease()
      const taken = world.sink.takeOver(world.scope(), async () => false)
      expect(await rejection(taken)).toBe('EPOCH_STALE')
      const failed = world.sink.takeOver(world.scope(), () => Promise.reject(new Error('no heartbeat')))
      await expect(failed).rejects.toThrow('no heartbeat')
      expect(await world.kinds(owner, [world.record('a')])).toEqual(['applied'])
    },
  },
  {
    promise: 'a transaction that is under way at a take-over ends before it, or leaves nothing',
    async keeps(world) {
      const former = await world.lease()
      const inside = door()
      const outcome = rejection(
        world.kinds(former, [world.record('a')], async tx => {
          await world.insertEffect(tx, ['former'])
          await inside.pass()
        }),
      )
      await inside.reached
      const began = performance.now()
      const owner = await world.lease({}, await world.under.another())
      // Grace, and what a loaded machine takes; without terminating it would wait for the door.
      expect(performance.now() - began).toBeLessThan(500 + 5_000)
      expect(await world.kinds(owner, [world.record('a')])).toEqual(['applied'])
      expect(await world.effects()).toEqual(['a'])
      inside.open()
      expect(await outcome).toBe('SINK_FENCED')
      expect(await world.effects()).toEqual(['a'])
    },
  },
  {
    promise: 'confirm is asked after the former owner is shut out, and before the new epoch',
    async keeps(world) {
      const former = await world.lease()
      const asking = door()
      const taking = background(
        world.sink.takeOver(world.scope(), async () => {
          await asking.pass()
          return true
        }),
      )
      await asking.reached
      let ended = false
      const late = world.kinds(former, [world.record('late')]).catch((error: unknown) => error)
      void late.then(() => (ended = true))
      await expect
        .poll(() =>
          world.under.query(`select 1 as one from pg_locks where locktype = 'advisory' and not granted`),
        )
        .not.toEqual([])
      expect(ended).toBe(false)
      asking.open()
      await taking
      expect(await late).toMatchObject({ code: 'SINK_FENCED' })
      expect(await world.effects()).toEqual([])
    },
  },
  {
    promise: 'a take-over is not kept waiting by eight clients that never let the lease go at the same time',
    async keeps(world) {
      const former = await world.lease()
      let run = true
      let applied = 0
      const refused: unknown[] = []
      const client = async (): Promise<void> => {
        try {
          while (run) {
            await world.kinds(former, [world.record(`${applied++}`)], async tx => {
              await tx.query('select pg_sleep(0.04 + random() * 0.02)')
            })
          }
        } catch (error) {
          refused.push(error)
        }
      }
      const clients = Array.from({ length: 8 }, client)
      await expect.poll(() => applied).toBeGreaterThan(16)
      const other = await world.under.another()
      const began = performance.now()
      await world.lease({}, other)
      expect(performance.now() - began).toBeLessThan(5_000)
      run = false
      await Promise.all(clients)
      for (const error of refused) expect(error).toMatchObject({ code: 'SINK_FENCED' })
    },
  },
  {
    promise: 'hazard 36: a lease from before a take-over by the same owner is stale as well',
    async keeps(world) {
      const first = await world.lease()
      const second = await world.lease()
      expect(await rejection(world.kinds(first, [world.record('a')]))).toBe('SINK_FENCED')
      expect(await world.kinds(second, [world.record('a')])).toEqual(['applied'])
    },
  },
  {
    promise:
      'a group that is renamed keeps what it has applied, and who writes under the old name is shut out',
    async keeps(world) {
      const [was, is] = [world.group, `${world.group}-renamed`]
      const former = await world.lease()
      const second = await world.lease({ generation: 1, partition: 1 })
      const records = [world.record('a'), world.record('b')]
      expect(await world.kinds(former, records.slice(0, 1))).toEqual(['applied'])
      expect(await world.kinds(second, records.slice(0, 1))).toEqual(['applied'])
      expect(await world.sink.renameGroup(was, is)).toBe(true)
      expect(await world.sink.renameGroup(was, is)).toBe(false)
      const owner = await world.lease({ group: is })
      expect(owner.epoch).toBe(former.epoch + 1n)
      expect(await rejection(world.kinds(former, records))).toBe('SINK_FENCED')
      expect(await world.kinds(owner, records)).toEqual(['duplicate', 'applied'])
      const later = await world.lease({ group: is, generation: 1, partition: 1 })
      expect(await world.kinds(later, records)).toEqual(['duplicate', 'applied'])
      // The old name is free, and begins anew.
      expect(await world.kinds(await world.lease(), records)).toEqual(['applied', 'applied'])
      expect(await rejection(world.sink.renameGroup(was, is))).toBe('GROUP_BOUND')
      expect(await world.kinds(await world.lease({ group: is }), records)).toEqual(['duplicate', 'duplicate'])
    },
  },
]
