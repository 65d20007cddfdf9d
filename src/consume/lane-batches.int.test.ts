import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { observed } from '../../test/harness/observed.ts'
import { testDatabase } from '../../test/postgres.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { postgres } from '../drivers/postgres/index.ts'
import { encodeEvent, systemClock, type NewRecord } from '../event/index.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from '../server/app.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number(), bad: z.boolean().optional() }) },
})

const database = testDatabase()

function record(of: string, data: unknown): NewRecord {
  return encodeEvent({
    id: crypto.randomUUID(),
    source: '/test',
    type: 'placed',
    version: 1,
    time: undefined,
    acceptedAt: systemClock.now(),
    extensions: {},
    key: of,
    data: Buffer.from(JSON.stringify(data)),
  })
}

const placed = (of: string, n: number, bad?: boolean): NewRecord => record(of, { customer: of, n, bad })

interface Shop {
  readonly a: App<true>
  /** What its handler needs is there again. */
  open(): void
  /** How many events each call had since then. */
  readonly sizes: readonly number[]
  /** Customer and number of each row, in the order in which they were written. */
  rows(): Promise<string[]>
}

/** A group of batches that refuses every event until it is opened. A row that is marked, or a 13, dies at once. */
async function shut(table: string, whenDead: 'hold' | 'continue'): Promise<Shop> {
  await database.query(
    `create table ${table}(seq bigint generated always as identity, customer text, n int check (n <> 13))`,
  )
  const a = app({ name: 'shop', log: anyLog(), db: postgres(database.url) })
  onTestFinished(() => a.stop())
  let isOpen = false
  const sizes: number[] = []
  a.consumer('billing', orders, {
    from: 'earliest',
    retry: Array.from({ length: 1_000 }, () => '20ms' as const),
    onError: error => (error instanceof RangeError ? 'dead' : undefined),
    whenDead,
  }).effectBatch(['placed'], { max: 50, within: '5ms' }, async (events, tx, { fail }) => {
    if (isOpen) sizes.push(events.length)
    for (const [i, { data }] of events.entries()) {
      if (!isOpen) fail(i, new Error('not now'))
      else if (data.bad) fail(i, new RangeError('marked'))
    }
    if (isOpen)
      await tx.query(`insert into ${table}(customer, n) select * from unnest($1::text[], $2::int[])`, [
        events.map(({ data }) => data.customer),
        events.map(({ data }) => data.n),
      ])
  })
  await a.start()
  return {
    a,
    open() {
      isOpen = true
    },
    sizes,
    async rows() {
      const found = await database.query(`select customer, n from ${table} order by seq`)
      return found.map(row => `${String(row['customer'])}${String(row['n'])}`)
    },
  }
}

async function parked(a: App<true>): Promise<number> {
  const [group] = await a.groups()
  return group?.lag === 0n ? group.parked : -1
}

async function reasons(a: App<true>): Promise<string[]> {
  return (await toArray(a.dead('billing').list())).map(({ reason }) => reason)
}

describe('a batch group works off what waited behind failures', () => {
  it('in batches, each key in order, and a bad one dies alone', async () => {
    const shop = await shut('worked_off', 'continue')
    const { a, sizes } = shop
    const all = Array.from({ length: 400 }, (_, n) => placed('abcd'[n % 4] ?? 'a', 100 + n, n === 200))
    await a.system.log.append('orders', all)
    await until(async () => (await parked(a)) === 400)
    shop.open()
    await until(async () => (await parked(a)) === 0)
    const written = await shop.rows()
    expect(written).toHaveLength(399)
    for (const key of 'abcd') {
      const numbers = written.filter(row => row.startsWith(key)).map(row => Number(row.slice(1)))
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y))
    }
    expect(await reasons(a)).toEqual(['verdict'])
    // 400 events: as many calls, if they went one by one.
    expect(sizes.length).toBeLessThan(200)
    observed(`400 events in ${sizes.length} calls, ${Math.max(...sizes)} at most`)
  })

  it.each([
    { reason: 'schema', dies: record('a', { customer: 'a' }) },
    { reason: 'verdict', dies: placed('a', 6, true) },
    { reason: 'data', dies: placed('a', 13) },
  ])(
    'hazard 43: and one that dies there holds the later ones of its key until somebody decides: $reason',
    async ({ reason, dies }) => {
      const shop = await shut(`worked_off_${reason}`, 'hold')
      const { a, sizes } = shop
      const before = [1, 2, 3, 4, 5].map(n => placed('a', n))
      const behind = [7, 8, 9].map(n => placed('a', n))
      await a.system.log.append('orders', before)
      await until(async () => (await parked(a)) === 5)
      await a.system.log.append('orders', [dies, ...behind, placed('b', 1), placed('b', 2)])
      await until(async () => (await parked(a)) === 11)
      shop.open()
      await until(async () => (await parked(a)) === 4 && (await reasons(a)).length === 1)
      expect(await reasons(a)).toEqual([reason])
      const written = await shop.rows()
      expect(written.filter(row => row.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
      expect(written.filter(row => row.startsWith('b'))).toEqual(['b1', 'b2'])
      expect(await a.dead('billing').release({})).toMatchObject({ accepted: 1 })
      await until(async () => (await parked(a)) === 0)
      expect((await shop.rows()).slice(7)).toEqual(['a7', 'a8', 'a9'])
      expect(Math.max(...sizes)).toBeGreaterThan(1)
    },
  )
})
