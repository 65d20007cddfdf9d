import { expect } from 'vitest'
import { seededRandom } from '../../../event/index.ts'
import type { SinkRecord, SinkWork } from '../../port.ts'
import type { SinkPromise } from '../harness.ts'
import type { World } from '../world.ts'

const DAY_MS = 86_400_000

export const batchPromises: readonly SinkPromise[] = [
  {
    promise: 'an empty call has no outcomes',
    async keeps(world) {
      expect(await world.kinds(await world.lease(), [])).toEqual([])
    },
  },
  {
    promise: 'hazard 62: batches of 1 to 5,000 with 30 % duplicates inside and across apply each event once',
    async keeps(world) {
      const lease = await world.lease()
      const random = seededRandom(62)
      const ids = new Set<string>()
      for (const size of [1, 2, 10, 100, 1_000, 5_000]) {
        const known = [...ids]
        const records = Array.from({ length: size }, (_, i) => {
          const again = random() < 0.3 ? known[Math.floor(random() * known.length)] : undefined
          const id = again ?? `${size}-${i}`
          known.push(id)
          return world.record(id)
        })
        const expected = records.map(({ id }) => {
          const kind = ids.has(id) ? 'duplicate' : 'applied'
          ids.add(id)
          return kind
        })
        expect(await world.kinds(lease, records)).toEqual(expected)
      }
      expect(await world.effects()).toEqual([...ids].toSorted())
    },
  },
  {
    promise:
      'hazard 63: one bad record at each index fails alone; later ones of its key are held, the others commit',
    async keeps(world) {
      const lease = await world.lease()
      const size = 12
      for (let bad = 0; bad < size; bad++) {
        const records = batch(world, size, i => `${bad}-${i}`)
        const kinds = await world.kinds(lease, records, refusing(world, records, [`${bad}-${bad}`]))
        expect(kinds).toEqual(oneByOne(records, [bad]))
        // The failed and the held one were taken out of the inbox with their effects.
        const again = kinds.map(kind => (kind === 'applied' ? 'duplicate' : 'applied'))
        expect(await world.kinds(lease, records)).toEqual(again)
      }
      expect(await world.effects()).toHaveLength(size * size)
      expect(new Set(await world.effects()).size).toBe(size * size)
    },
  },
  {
    promise: 'hazard 63: two bad records, of one key and of two, at every pair of places',
    async keeps(world) {
      const lease = await world.lease()
      for (let a = 0; a < 7; a++) {
        for (let b = a + 1; b < 7; b++) {
          const records = batch(world, 7, i => `${a}-${b}-${i}`)
          const bad = [`${a}-${b}-${a}`, `${a}-${b}-${b}`]
          expect(await world.kinds(lease, records, refusing(world, records, bad))).toEqual(
            oneByOne(records, [a, b]),
          )
        }
      }
    },
  },
  {
    promise: 'hazard 63: a record that the handler marks as bad leaves nothing, the others commit',
    async keeps(world) {
      const lease = await world.lease()
      const records = batch(world, 9, i => `m${i}`)
      const outcomes = await world.apply(lease, records, async (tx, fresh, fail) => {
        await world.insertEffect(
          tx,
          fresh.map(i => records[i]?.id ?? ''),
        )
        if (fresh.includes(4)) fail(4, new Error('four'))
      })
      expect(outcomes.map(({ kind }) => kind)).toEqual(oneByOne(records, [4]))
      expect(outcomes[4]).toEqual({ kind: 'failed', error: new Error('four') })
      expect(await world.effects()).not.toContain('m4')
    },
  },
  {
    promise: 'hazard 63: a constraint that is checked at COMMIT is told to the record that breaks it',
    async keeps(world) {
      const lease = await world.lease()
      const name = (i: number): string => `${world.group}-${i}`
      await world.under.query('insert into uniq values ($1)', [name(2)])
      const records = Array.from({ length: 5 }, (_, i) => world.record(name(i)))
      const insert: SinkWork = async (tx, fresh) => {
        for (const i of fresh) await tx.query('insert into uniq values ($1)', [name(i)])
      }
      expect(await world.kinds(lease, records, insert)).toEqual([
        'applied',
        'applied',
        'failed',
        'applied',
        'applied',
      ])
      expect(await world.kinds(lease, [records[2] ?? world.record('')], insert)).toEqual(['failed'])
    },
  },
  {
    promise: 'hazard 63: the same event twice in a call is held with the first when that fails',
    async keeps(world) {
      const lease = await world.lease()
      const records = [world.record('bad'), world.record('bad'), world.record('good')]
      expect(await world.kinds(lease, records, refusing(world, records, ['bad']))).toEqual([
        'failed',
        'held',
        'applied',
      ])
      expect(await world.kinds(lease, records)).toEqual(['applied', 'duplicate', 'duplicate'])
    },
  },
  {
    promise:
      'hazard 43: a record whose day is gone holds back the later ones of its key in the call, and no others',
    async keeps(world) {
      const lease = await world.lease()
      const acceptedAt = Date.now() - 20 * DAY_MS
      await world.kinds(lease, [world.record('was there', { acceptedAt })])
      await world.sink.prune(acceptedAt + 2 * DAY_MS)
      const records = [
        world.record('first', { key: 'a' }),
        world.record('gone', { key: 'a', acceptedAt }),
        world.record('behind', { key: 'a' }),
        world.record('other', { key: 'b' }),
        world.record('gone too', { key: 'a', acceptedAt }),
        world.record('gone of none', { acceptedAt }),
        world.record('of none'),
        world.record('behind', { key: 'c' }), // the same event, whatever its key
      ]
      expect(await world.kinds(lease, records)).toEqual([
        'applied',
        'expired',
        'held',
        'applied',
        'expired',
        'expired',
        'applied',
        'held',
      ])
      // What was held left nothing behind.
      expect(await world.kinds(lease, records.slice(2, 4))).toEqual(['applied', 'duplicate'])
      expect(await world.effects()).toEqual(['behind', 'first', 'of none', 'other', 'was there'])
    },
  },
  {
    promise: 'overlapping batches at the same time neither deadlock nor double',
    async keeps(world) {
      const lease = await world.lease()
      const random = seededRandom(79)
      const before = await deadlocks(world)
      const ids = Array.from({ length: 400 }, (_, i) => `o${i}`)
      const client = async (): Promise<string[]> => {
        const applied: string[] = []
        for (let round = 0; round < 12; round++) {
          const chosen = [...ids].toSorted(() => random() - 0.5).slice(0, 100)
          const records = chosen.map(id => world.record(id))
          const kinds = await world.kinds(lease, records, async () => {})
          applied.push(...chosen.filter((_, i) => kinds[i] === 'applied'))
        }
        return applied
      }
      const applied = (await Promise.all([client(), client(), client(), client()])).flat()
      expect(applied.toSorted()).toEqual([...new Set(applied)].toSorted())
      expect(applied.length).toBeGreaterThan(350)
      expect(await deadlocks(world)).toBe(before)
    },
  },
]

function batch(world: World, size: number, idOf: (i: number) => string): SinkRecord[] {
  return Array.from({ length: size }, (_, i) =>
    // Two keys in turn, and every third record has none.
    world.record(idOf(i), { key: i % 3 === 2 ? undefined : `key${i % 3}` }),
  )
}

/** Inserts row by row; a bad one fails in the server, after effects of others. */
function refusing(world: World, records: readonly SinkRecord[], bad: readonly string[]): SinkWork {
  return async (tx, fresh) => {
    for (const i of fresh) {
      const id = records[i]?.id ?? ''
      await world.insertEffect(tx, [id])
      if (bad.includes(id)) await tx.query('select 1 / 0')
    }
  }
}

function oneByOne(records: readonly SinkRecord[], bad: readonly number[]): string[] {
  const blocked = new Set<string>()
  return records.map(({ key }, i) => {
    if (key !== undefined && blocked.has(key)) return 'held'
    if (!bad.includes(i)) return 'applied'
    if (key !== undefined) blocked.add(key)
    return 'failed'
  })
}

async function deadlocks(world: World): Promise<number> {
  // Counters of a session reach the view when it is idle for a moment, so ask until they stand still.
  const ask = async (): Promise<number> => {
    const sql = 'select deadlocks from pg_stat_database where datname = current_database()'
    return Number((await world.under.query(sql))[0]?.['deadlocks'])
  }
  await new Promise(done => setTimeout(done, 1_100))
  return ask()
}
