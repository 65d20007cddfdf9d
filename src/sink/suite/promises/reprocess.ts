import { expect } from 'vitest'
import { offset, type Offset } from '../../../event/index.ts'
import type { Lease, Tx } from '../../port.ts'
import type { SinkPromise } from '../harness.ts'
import { door, rejection, type World } from '../world.ts'

const never = new AbortController().signal
const range = (job: string): { job: string; from: Offset; to: Offset } => ({
  job,
  from: offset(0),
  to: offset(10),
})
const takeBack =
  ({ group }: World) =>
  async (tx: Tx): Promise<void> =>
    void (await tx.query('delete from effect where grp = $1', [group]))

export const reprocessPromises: readonly SinkPromise[] = [
  {
    promise:
      'hazard 61: a range that is reprocessed is applied once more, and the effects of before are taken back',
    async keeps(world) {
      const lease = await world.lease()
      const records = [world.record('a'), world.record('b')]
      await world.kinds(lease, records)
      const opened = await world.sink.reprocess(lease, range('j'), takeBack(world), never)
      expect(opened).toEqual({ ...range('j'), generation: 1, position: 0n, isOver: false })
      expect(await world.effects()).toEqual([])
      const next = await world.sink.inGeneration(lease, opened.generation)
      expect(next).toMatchObject({ generation: 1, epoch: lease.epoch, appliedBelow: 0n })
      expect(await world.kinds(next, records)).toEqual(['applied', 'applied'])
      expect(await world.kinds(next, records)).toEqual(['duplicate', 'duplicate'])
      expect(await world.kinds(lease, records)).toEqual(['duplicate', 'duplicate'])
      expect(await world.effects()).toEqual(['a', 'b'])
    },
  },
  {
    promise: 'a reset that throws leaves everything as it was, and so does one that swallowed an error',
    async keeps(world) {
      const lease = await world.lease()
      await world.kinds(lease, [world.record('a')])
      const resets = {
        'of the reset': async (tx: Tx): Promise<void> => {
          await takeBack(world)(tx)
          throw new Error('of the reset')
        },
        SINK_ROLLED_BACK: async (tx: Tx): Promise<void> => {
          await takeBack(world)(tx)
          await tx.query('select 1 / 0').catch(() => {})
        },
      }
      for (const [error, reset] of Object.entries(resets))
        expect(await rejection(world.sink.reprocess(lease, range('j'), reset, never))).toContain(error)
      expect(await world.effects()).toEqual(['a'])
      expect(await world.sink.reprocessed(world.scope())).toEqual([])
    },
  },
  {
    promise: 'a job is opened once for a partition, also when the connection dies within it',
    async keeps(world) {
      const lease = await world.lease()
      let resets = 0
      const cutOnce = async (tx: Tx): Promise<void> => {
        await takeBack(world)(tx)
        if (++resets === 1) await world.under.cut(tx)
      }
      const opened = await world.sink.reprocess(lease, range('j'), cutOnce, never)
      expect(resets).toBe(2)
      const again = await world.sink.reprocess(lease, range('j'), () => expect.fail('called again'), never)
      expect(again).toEqual(opened)
      expect(await world.sink.reprocessed(world.scope())).toEqual([opened])
    },
  },
  {
    promise: 'partitions of a job share its generation, and the last range of a partition has its highest',
    async keeps(world) {
      const [one, two] = [await world.lease(), await world.lease({ partition: 1 })]
      const open = async (lease: Lease, job: string): Promise<number> =>
        (await world.sink.reprocess(lease, range(job), async () => {}, never)).generation
      expect(await Promise.all([open(one, 'j'), open(two, 'j')])).toEqual([1, 1])
      expect(await open(one, 'k')).toBe(2)
      expect(await open(two, 'l')).toBe(3)
      expect(await open(two, 'k')).toBe(4)
      const all = await world.sink.reprocessed(world.scope({ partition: 1 }))
      expect(all.map(({ job, generation }) => [job, generation])).toEqual([
        ['j', 1],
        ['l', 3],
        ['k', 4],
      ])
      expect(await open(await world.lease({ group: `${world.group}-other` }), 'j')).toBe(1)
    },
  },
  {
    promise: 'how far a range has come is kept, never goes back, and its end is an end',
    async keeps(world) {
      const lease = await world.lease()
      await world.sink.reprocess(lease, range('j'), async () => {}, never)
      const to = (position: number, isOver: boolean): Promise<void> =>
        world.sink.reprocessedTo(lease, 'j', { position: offset(position), isOver })
      await to(7, false)
      await to(3, true)
      await to(4, false)
      expect(await world.sink.reprocessed(world.scope())).toMatchObject([{ position: 7n, isOver: true }])
    },
  },
  {
    promise: 'hazard 36: a former owner opens no generation and moves none, and a take-over ends its reset',
    async keeps(world) {
      const former = await world.lease()
      const inside = door()
      const resetting = rejection(
        world.sink.reprocess(
          former,
          range('j'),
          async tx => {
            await takeBack(world)(tx)
            await inside.pass()
            await tx.query('select 1')
          },
          never,
        ),
      )
      await inside.reached
      const owner = await world.lease()
      inside.open()
      expect(await resetting).toBe('SINK_FENCED')
      expect(await world.sink.reprocessed(world.scope())).toEqual([])
      await world.sink.reprocess(owner, range('j'), async () => {}, never)
      const late = world.sink.reprocessedTo(former, 'j', { position: offset(5), isOver: true })
      expect(await rejection(late)).toBe('SINK_FENCED')
      expect(await world.sink.reprocessed(world.scope())).toMatchObject([{ position: 0n, isOver: false }])
    },
  },
]
