import { Client } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { ownPostgres, testDatabase } from '../../test/postgres.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { postgres } from '../drivers/postgres/index.ts'
import { seededRandom } from '../event/index.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from '../server/app.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 4,
  events: { placed: z.object({ customer: z.string(), n: z.number(), bad: z.boolean().optional() }) },
})

const database = testDatabase()

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

async function allIsDone(a: App<true>): Promise<boolean> {
  return (await a.groups()).every(group => group.lag === 0n && group.parked === 0)
}

/** Rows of every customer in the order in which they were inserted. */
async function sequences(url: string, table: string): Promise<number[][]> {
  const rows = await query(
    url,
    `select customer, array_agg(n order by seq) as ns from ${table} group by customer`,
  )
  return rows.map(row => row['ns'] as number[])
}

const table = (name: string): string =>
  `create table ${name}(seq bigint generated always as identity, customer text, n int)`

describe('effects on PostgreSQL', () => {
  it('hazards 51–54: the server is killed under load: nothing lost, doubled, reordered or dead, and it goes on by itself', async () => {
    const server = await ownPostgres()
    await query(server.url, table('placed'))
    const states: string[] = []
    const a = app({
      name: 'test',
      log: anyLog(),
      db: postgres(server.url),
      observer: { breaker: { changed: ({ name, to }) => name === 'db' && states.push(to) } },
    })
    a.consumer('store', orders, { from: 'earliest', retry: ['1ms', '1ms'] }).effect(
      'placed',
      async (e, tx) => {
        await tx.query('insert into placed(customer, n) values ($1, $2)', [e.data.customer, e.data.n])
      },
    )
    await a.start()
    const total = 3_000
    const half = Promise.withResolvers<void>()
    const sent = (async () => {
      for (let n = 0; n < total; n++) {
        await a.publish(orders, 'placed', { customer: `c${n % 50}`, n })
        if (n === total / 2) half.resolve()
      }
    })()
    await half.promise
    await server.kill()
    await expect(query(server.url, 'select 1')).rejects.toThrow()
    await sent
    await until(() => states.includes('OPEN'))
    const [paused] = await a.groups()
    expect(paused?.reason).toContain('db is away')
    await server.again()
    await until(() => allIsDone(a))
    const all = await sequences(server.url, 'placed')
    expect(all.flat().toSorted((x, y) => x - y)).toEqual(Array.from({ length: total }, (_, n) => n))
    for (const one of all) expect(one).toEqual(one.toSorted((x, y) => x - y))
    expect(states.at(-1)).toBe('CLOSED')
    expect(await toArray(a.dead('store').list())).toEqual([])
    await a.stop()
  })

  it('hazard 63: one bad row in a batch dies alone, in order of its key, and the others commit', async () => {
    await query(database.url, `${table('batched')}; alter table batched add check (n <> 13)`)
    const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
    const sizes: number[] = []
    a.consumer('batch', orders, { from: 'earliest', retry: ['5ms'] }).effectBatch(
      ['placed'],
      { max: 100, within: '20ms' },
      async (es, tx, { fail }) => {
        sizes.push(es.length)
        es.forEach((e, i) => e.data.bad && fail(i, new RangeError('marked')))
        const good = es.filter(e => !e.data.bad)
        await tx.query('insert into batched(customer, n) select * from unnest($1::text[], $2::int[])', [
          good.map(e => e.data.customer),
          good.map(e => e.data.n),
        ])
      },
    )
    await a.start()
    for (let n = 0; n < 1_000; n++)
      await a.publish(orders, 'placed', { customer: `c${n % 10}`, n, ...(n === 500 ? { bad: true } : {}) })
    await until(() => allIsDone(a))
    const all = await sequences(database.url, 'batched')
    expect(all.flat().length).toBe(998)
    for (const one of all) expect(one).toEqual(one.toSorted((x, y) => x - y))
    const letters = await toArray(a.dead('batch').list())
    expect(letters.map(letter => `${letter.reason} ${letter.attempts}`).toSorted()).toEqual([
      'attempts 2',
      'data 1',
    ])
    // S15: what the database said about the row stays out of the letter.
    expect(JSON.stringify(letters.map(letter => letter.last))).not.toContain('Failing row contains')
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    await a.stop()
  })

  it('a batch group whose partition is one lane goes on in batches behind an event that failed', async () => {
    await query(database.url, table('one_lane'))
    const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
    const sizes: number[] = []
    const gate = Promise.withResolvers<void>()
    a.consumer('lane', orders, { from: 'earliest', order: 'partition', retry: ['1ms'] }).effectBatch(
      ['placed'],
      { max: 50, within: '5ms' },
      async (es, tx, { fail }) => {
        await gate.promise
        sizes.push(es.length)
        es.forEach((e, i) => e.data.bad && fail(i, new RangeError('marked')))
        const good = es.filter(e => !e.data.bad)
        await tx.query('insert into one_lane(customer, n) select * from unnest($1::text[], $2::int[])', [
          good.map(e => e.data.customer),
          good.map(e => e.data.n),
        ])
      },
    )
    await a.start()
    for (let n = 0; n < 500; n++)
      await a.publish(orders, 'placed', { customer: 'one', n, ...(n === 5 ? { bad: true } : {}) })
    gate.resolve()
    await until(() => allIsDone(a))
    const [rows] = await sequences(database.url, 'one_lane')
    expect(rows).toEqual(Array.from({ length: 500 }, (_, n) => n).filter(n => n !== 5))
    // 500 events in batches of up to 50: far fewer calls than events.
    expect(sizes.length).toBeLessThan(100)
    await a.stop()
  })

  it('hazard 58: a connection that dies in a handler leaves nothing, and the event is applied once', async () => {
    await query(database.url, table('killed'))
    const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
    const random = seededRandom(58)
    let killed = 0
    a.consumer('kills', orders, { from: 'earliest', retry: [] }).effect('placed', async (e, tx) => {
      await tx.query('insert into killed(customer, n) values ($1, $2)', [e.data.customer, e.data.n])
      if (random() < 0.1 && killed < 20) {
        killed += 1
        const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
        await query(database.url, `select pg_terminate_backend(${rows[0]?.pid})`)
        await tx.query('select 1')
      }
    })
    await a.start()
    for (let n = 0; n < 200; n++) await a.publish(orders, 'placed', { customer: `c${n % 10}`, n })
    await until(() => allIsDone(a))
    expect(killed).toBeGreaterThan(5)
    const all = await sequences(database.url, 'killed')
    expect(all.flat().toSorted((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    for (const one of all) expect(one).toEqual(one.toSorted((x, y) => x - y))
    expect(await toArray(a.dead('kills').list())).toEqual([])
    await a.stop()
  })

  it('hazard 39: a handler of an effect that never comes back is cut off with its transaction, and the process goes on', async () => {
    await query(database.url, table('hung'))
    const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
    let ended = false
    void a.failed.then(() => (ended = true))
    a.consumer('hangs', orders, { from: 'earliest', deadline: '3s', retry: ['1ms'] }).effect(
      'placed',
      async (e, tx) => {
        await tx.query('insert into hung(customer, n) values ($1, $2)', [e.data.customer, e.data.n])
        if (e.data.n === 3) await new Promise(() => {})
      },
    )
    await a.start()
    for (let n = 0; n < 40; n++) await a.publish(orders, 'placed', { customer: `c${n % 5}`, n })
    await until(() => allIsDone(a))
    const rows = (await sequences(database.url, 'hung')).flat()
    expect(rows.length).toBe(39)
    expect(rows).not.toContain(3)
    expect((await toArray(a.dead('hangs').list())).map(letter => [letter.reason, letter.last.code])).toEqual([
      ['attempts', 'HANDLER_TIMEOUT'],
    ])
    expect(ended).toBe(false)
    await a.stop()
  })

  it('a batch that overruns its deadline kills only the event that hangs, also without retries', async () => {
    await query(database.url, table('slow_batch'))
    const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
    const gate = Promise.withResolvers<void>()
    const sizes: number[] = []
    a.consumer('slow', orders, {
      from: 'earliest',
      order: 'partition',
      deadline: '3s',
      retry: [],
    }).effectBatch(['placed'], { max: 50, within: '5ms' }, async (es, tx) => {
      await gate.promise
      sizes.push(es.length)
      if (es.some(e => e.data.n === 5)) await new Promise(() => {})
      await tx.query('insert into slow_batch(customer, n) select * from unnest($1::text[], $2::int[])', [
        es.map(e => e.data.customer),
        es.map(e => e.data.n),
      ])
    })
    await a.start()
    for (let n = 0; n < 40; n++) await a.publish(orders, 'placed', { customer: 'one', n })
    gate.resolve()
    await until(() => allIsDone(a))
    const [rows] = await sequences(database.url, 'slow_batch')
    expect(rows).toEqual(Array.from({ length: 40 }, (_, n) => n).filter(n => n !== 5))
    const letters = await toArray(a.dead('slow').list())
    expect(letters.map(letter => [letter.eventType, letter.last.code])).toEqual([
      ['placed', 'HANDLER_TIMEOUT'],
    ])
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    await a.stop()
  })

  it('starts while the database is away, takes events, and applies them when it is there', async () => {
    const server = await ownPostgres()
    await query(server.url, table('late'))
    await server.kill()
    const a = app({ name: 'test', log: anyLog(), db: postgres(server.url) })
    a.consumer('late', orders, { from: 'earliest' }).effect('placed', async (e, tx) => {
      await tx.query('insert into late(customer, n) values ($1, $2)', [e.data.customer, e.data.n])
    })
    await a.start()
    await a.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until(() => a.breakers().some(one => one.name === 'db' && one.state !== 'CLOSED'))
    await server.again()
    await until(() => allIsDone(a))
    expect(await sequences(server.url, 'late')).toEqual([[1]])
    await a.stop()
  })

  it('a group that goes by offsets stops where the database is ahead of the log, instead of skipping what comes', async () => {
    await query(database.url, table('ahead'))
    const begin = async (group: string): Promise<App<true>> => {
      const a = app({ name: 'test', log: anyLog(), db: postgres(database.url) })
      a.consumer(group, orders, { from: 'earliest', order: 'partition', dedup: 'offsets' }).effect(
        'placed',
        async (e, tx) => {
          await tx.query('insert into ahead(customer, n) values ($1, $2)', [e.data.customer, e.data.n])
        },
      )
      await a.start()
      return a
    }
    const former = await begin('ahead')
    for (let n = 0; n < 20; n++) await former.publish(orders, 'placed', { customer: 'one', n })
    await until(() => allIsDone(former))
    await former.stop()
    const { length } = (await sequences(database.url, 'ahead')).flat()
    expect(length).toBe(20)

    // The log of another time, or made anew.
    const a = await begin('ahead')
    const standing = async (): Promise<string[]> =>
      (await a.groups()).flatMap(({ partitions }) => partitions.map(({ state }) => state)).toSorted()
    await until(async () => (await standing()).join(' ') === 'running running running stopped')
    expect((await a.groups())[0]?.reason).toMatch(
      /^SINK_AHEAD: .*ahead has applied orders\/\d up to 20, and the log ends at 0/,
    )
    await a.publish(orders, 'placed', { customer: 'one', n: 20 })
    await a.stop()
    expect((await sequences(database.url, 'ahead')).flat()).toHaveLength(20)

    const renamed = await begin('anew')
    await renamed.publish(orders, 'placed', { customer: 'one', n: 21 })
    await until(() => allIsDone(renamed))
    await renamed.stop()
    expect((await sequences(database.url, 'ahead')).flat().at(-1)).toBe(21)
  })

  it('a group that waits for the database to take over is behind by what it has not done, and by no more', async () => {
    const log = anyLog()
    const first = app({ name: 'test', log })
    first.consumer('group', orders, { from: 'earliest' }).on('placed', () => {})
    await first.start()
    for (let n = 0; n < 8; n++) await first.publish(orders, 'placed', { customer: `c${n}`, n })
    await until(async () => (await first.groups()).every(({ lag, parked }) => lag === 0n && parked === 0))
    await first.stop()

    const second = app({
      name: 'test',
      log,
      db: postgres('postgres://me@127.0.0.1:1/gone'),
    })
    second.consumer('group', orders, { from: 'earliest' }).effect('placed', async () => {})
    await second.start()
    onTestFinished(() => second.stop())
    await until(() => second.breakers().some(({ name, state }) => name === 'db' && state !== 'CLOSED'))
    expect(await second.groups()).toMatchObject([{ state: 'paused', lag: 0n, lagSeconds: 0 }])
    await second.publish(orders, 'placed', { customer: 'c', n: 9 })
    expect(await second.groups()).toMatchObject([{ state: 'paused', lag: 1n }])
  })
})
