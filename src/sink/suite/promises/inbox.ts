import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { SinkPromise } from '../harness.ts'
import { door } from '../world.ts'

const DAY = 86_400_000
const MINUTE = 60_000
/** The last midnight: both days of it have room in every inbox. */
const midnight = (): number => Math.floor(Date.now() / DAY) * DAY

export const inboxPromises: readonly SinkPromise[] = [
  {
    promise: 'answers a record that was applied as a duplicate, and does not show it to the handler',
    async keeps(world) {
      const lease = await world.lease()
      const records = [world.record('a'), world.record('b')]
      expect(await world.kinds(lease, [records[0] ?? world.record('a')])).toEqual(['applied'])
      const shown: number[][] = []
      const kinds = await world.kinds(lease, records, async (tx, fresh) => {
        shown.push([...fresh])
        await world.insertEffect(tx, ['b'])
      })
      expect(kinds).toEqual(['duplicate', 'applied'])
      expect(shown).toEqual([[1]])
      expect(await world.kinds(lease, records, () => expect.fail('called for nothing'))).toEqual([
        'duplicate',
        'duplicate',
      ])
      expect(await world.effects()).toEqual(['a', 'b'])
    },
  },
  {
    promise: 'hazard 57: 16 deliveries of one event at the same time have one effect',
    async keeps(world) {
      const lease = await world.lease()
      const other = await world.under.another()
      // Ten races, since one may be over before its rivals begin.
      const ids = Array.from({ length: 10 }, (_, n) => `a${n}`)
      for (const id of ids) {
        const record = world.record(id)
        const kinds = await Promise.all(
          Array.from({ length: 16 }, (_, i) =>
            world.kinds(lease, [record], undefined, {}, i % 2 === 0 ? world.sink : other),
          ),
        )
        expect(kinds.flat().toSorted()).toEqual(['applied', ...Array.from({ length: 15 }, () => 'duplicate')])
      }
      expect(await world.effects()).toEqual(ids)
    },
  },
  {
    promise:
      'hazard 59: a second delivery waits for the first to decide, and is applied when the first rolls back',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a')
      for (const ends of ['rolls back', 'commits'] as const) {
        const inside = door()
        const first = world.kinds(lease, [record], async tx => {
          await world.insertEffect(tx, ['first'])
          await inside.pass()
          if (ends === 'rolls back') throw new Error(ends)
        })
        await inside.reached
        let decided = false
        const second = world.kinds(lease, [record], async tx => world.insertEffect(tx, ['second']))
        void second.then(() => (decided = true))
        await expect
          .poll(() =>
            world.under.query(
              `select 1 as one from pg_locks where locktype = 'transactionid' and not granted`,
            ),
          )
          .not.toEqual([])
        expect(decided).toBe(false)
        inside.open()
        if (ends === 'rolls back') {
          expect([await first, await second]).toEqual([['failed'], ['applied']])
          expect(await world.effects()).toEqual(['second'])
          // The next turn is about another event.
          Object.assign(record, { id: 'b' })
        } else {
          expect([await first, await second]).toEqual([['applied'], ['duplicate']])
          expect(await world.effects()).toEqual(['first', 'second'])
        }
      }
    },
  },
  ...(['one after the other', 'at the same time'] as const).map((how): SinkPromise => ({
    promise: `hazard 60: an id sent again across midnight, also to another partition, applies once (${how})`,
    async keeps(world) {
      const leases = [await world.lease(), await world.lease({ partition: 1 })]
      for (const [name, times] of Object.entries({
        forward: [midnight() - MINUTE, midnight() + MINUTE],
        back: [midnight() + MINUTE, midnight() - MINUTE],
        wide: [midnight() - 29 * MINUTE, midnight() + 30 * MINUTE],
      })) {
        const apply = (i: number): Promise<string[]> =>
          world.kinds(leases[i] ?? expect.fail(), [world.record(name, { acceptedAt: times[i] ?? 0 })])
        const kinds =
          how === 'at the same time'
            ? await Promise.all([apply(0), apply(1)])
            : [await apply(0), await apply(1)]
        expect(kinds.flat().toSorted(), name).toEqual(['applied', 'duplicate'])
      }
      expect(await world.effects()).toEqual(['back', 'forward', 'wide'])
    },
  })),
  {
    promise: 'hazard 60: one record has one day for ever, so it is known after any number of days',
    async keeps(world) {
      const lease = await world.lease()
      const old = world.record('old', { acceptedAt: Date.now() - 9 * DAY })
      expect(await world.kinds(lease, [old])).toEqual(['applied'])
      expect(await world.kinds(lease, [old])).toEqual(['duplicate'])
    },
  },
  {
    promise: 'two groups do not share what they know',
    async keeps(world) {
      const record = world.record('a')
      expect(await world.kinds(await world.lease(), [record])).toEqual(['applied'])
      const other = await world.lease({ group: `${world.group}-other` })
      expect(await world.kinds(other, [record])).toEqual(['applied'])
      expect(await world.effects()).toEqual(['a', 'a'])
    },
  },
  {
    promise: 'hazard 61: a new generation of a group knows nothing, and the old one still knows',
    async keeps(world) {
      const record = world.record('a')
      expect(await world.kinds(await world.lease(), [record])).toEqual(['applied'])
      const next = await world.lease({ generation: 1 })
      expect(await world.kinds(next, [record])).toEqual(['applied'])
      expect(await world.kinds(next, [record])).toEqual(['duplicate'])
      expect(await world.kinds(await world.lease(), [record])).toEqual(['duplicate'])
    },
  },
  {
    promise: 'the same id of two sources is two events',
    async keeps(world) {
      const lease = await world.lease()
      const records = [world.record('a', { source: 's1' }), world.record('a', { source: 's2' })]
      expect(await world.kinds(lease, records)).toEqual(['applied', 'applied'])
    },
  },
  {
    promise:
      'hazard 60: a record of a day that was pruned is expired unless its offset was applied; others go on',
    async keeps(world) {
      const lease = await world.lease()
      const sibling = await world.lease({ partition: 1 })
      const at = midnight() - 20 * DAY
      const early = world.record('early', { acceptedAt: at + MINUTE })
      const late = world.record('late', { acceptedAt: at + 12 * 60 * MINUTE })
      const next = world.record('next', { acceptedAt: at + DAY + MINUTE })
      expect(await world.kinds(lease, [early, late, next])).toEqual(['applied', 'applied', 'applied'])
      await world.sink.prune(at + DAY)
      expect(await world.kinds(lease, [early, late, next])).toEqual(['expired', 'expired', 'duplicate'])
      const below = { appliedBelow: offset(late.offset) }
      expect(await world.kinds(lease, [early, late], undefined, below)).toEqual(['duplicate', 'expired'])
      // Nobody of another group was ever there, so there everything is known.
      const other = await world.lease({ group: `${world.group}-other` })
      expect(await world.kinds(other, [early])).toEqual(['applied'])
      expect(await world.kinds(lease, [early])).toEqual(['expired'])
      // Its worker has heard of no pruning, and the day is there again.
      expect(await world.kinds(sibling, [early])).toEqual(['expired'])
      expect(await world.effects()).toEqual(['early', 'early', 'late', 'next'])
    },
  },
  {
    promise:
      'hazard 61: where offsets say nothing, what was settled and never applied is applied, and what nobody knows is expired',
    async keeps(world) {
      const lease = await world.lease()
      const at = midnight() - 20 * DAY + 12 * 60 * MINUTE
      const [gone, skipped, applied] = [
        world.record('gone', { acceptedAt: at }),
        world.record('skipped', { acceptedAt: at + DAY }),
        world.record('applied', { acceptedAt: at + DAY }),
      ]
      await world.kinds(lease, [gone, applied])
      await world.sink.prune(at + DAY - 12 * 60 * MINUTE)
      const settled = { appliedBelow: offset(100) }
      const fill = { appliedBelow: undefined }
      const all = [gone, skipped, applied]
      expect(await world.kinds(lease, all, undefined, fill)).toEqual(['expired', 'applied', 'duplicate'])
      expect(await world.kinds(lease, all, undefined, settled)).toEqual(Array(3).fill('duplicate'))
      expect(await world.effects()).toEqual(['applied', 'gone', 'skipped'])
    },
  },
  {
    promise: 'a look tells what was applied, by which group and generation, and applies nothing',
    async keeps(world) {
      const lease = await world.lease()
      const at = midnight() - 20 * DAY
      const records = [
        world.record('gone', { acceptedAt: at + 12 * 60 * MINUTE }),
        world.record('early', { acceptedAt: at + DAY + MINUTE }),
        world.record('never', { acceptedAt: at + DAY + MINUTE }),
        world.record('early', { acceptedAt: at + DAY - MINUTE }),
      ]
      await world.kinds(lease, records.slice(0, 2))
      const look = (group: string, generation = 0): Promise<readonly string[]> =>
        world.sink.lookUp({ group, generation }, records, new AbortController().signal)
      // The last one is a producer's second try from before midnight.
      expect(await look(world.group)).toEqual(['applied', 'applied', 'missing', 'applied'])
      expect(await world.sink.knownFrom(world.scope())).toBe(0)
      await world.sink.prune(at + DAY)
      expect(await look(world.group)).toEqual(['unknown', 'applied', 'missing', 'unknown'])
      expect(await world.sink.knownFrom(world.scope())).toBe(at + DAY)
      for (const [group, generation] of [
        [world.group, 1],
        [`${world.group}-other`, 0],
      ] as const) {
        expect(await look(group, generation)).toEqual(Array(4).fill('missing'))
        expect(await world.sink.knownFrom({ group, generation })).toBe(0)
      }
      expect(await world.kinds(lease, records.slice(1, 3))).toEqual(['duplicate', 'applied'])
    },
  },
  {
    promise: 'pruning keeps the days that the driver was told to keep',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a', { acceptedAt: Date.now() - DAY })
      expect(await world.kinds(lease, [record])).toEqual(['applied'])
      await world.sink.prune(Date.now() + DAY)
      expect(await world.kinds(lease, [record])).toEqual(['duplicate'])
    },
  },
]
