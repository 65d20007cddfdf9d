import { Client } from 'pg'
import { beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { app, memory, postgres, topic, type App } from '../src/index.ts'
import { seededRandom, type LogRecord } from '../src/event/index.ts'
import type { LogDriver } from '../src/log/index.ts'
import { until } from './harness/until.ts'
import { observed } from './harness/observed.ts'
import { scale, seed } from './harness/scale.ts'
import { testDatabaseAlone } from './postgres.ts'
import { movesLog } from './apps/moves-log.ts'
import { describeOn } from './support/test-logs.ts'
import { runCli } from '../src/cli/program.ts'
import { rejection } from '../src/sink/suite/world.ts'

const database = testDatabaseAlone()
const orders = topic('orders', {
  key: 'order',
  partitions: 1,
  events: { placed: z.object({ order: z.string(), n: z.number() }) },
})

const bills = topic('bills', {
  key: 'order',
  partitions: 1,
  events: { sent: z.object({ order: z.string() }) },
})

async function connected(): Promise<Client> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

async function startedOn(log: LogDriver): Promise<App<true>> {
  const shop = app({ name: 'shop', log, db: postgres(database.url) })
  shop.consumer('reader', orders, { from: 'earliest' }).on('placed', () => {})
  await shop.start()
  onTestFinished(() => shop.stop())
  return shop
}

async function recordsOf({ system }: App<true>, from = 'orders'): Promise<readonly LogRecord[]> {
  const tp = { topic: from, partition: 0 }
  const records: LogRecord[] = []
  const { start, end } = await system.log.bounds(tp)
  for (let at = start; at < end;) {
    const limits = { maxRecords: 1_000, maxBytes: 1e6, waitMs: 0 }
    const page = await system.log.read({ ...tp, offset: at }, limits, new AbortController().signal)
    records.push(...page.records)
    at = page.next
  }
  return records
}

const idsOf = async (shop: App<true>): Promise<string[]> =>
  (await recordsOf(shop)).map(({ headers }) => headers['ce_id'] ?? '')

/** A row as other software writes it. */
function foreign(id: string, aggregate = 'o1'): { text: string; values: unknown[] } {
  return {
    text: `insert into holdfast.outbox (id, aggregatetype, aggregateid, type, payload)
      values ($1, 'orders', $2::text, 'placed', json_build_object('order', $2::text, 'n', 1))`,
    values: [id, aggregate],
  }
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const said = { out: '', err: '' }
  const code = await runCli(args, {
    out: text => void (said.out += text),
    err: text => void (said.err += text),
    env: { DATABASE_URL: database.url, ...env },
  })
  return { code, ...said }
}

beforeAll(async () => {
  const shop = app({ name: 'shop', log: memory(), db: postgres(database.url) })
  await shop.start()
  await shop.transaction(tx => tx.query('create table if not exists account (id text primary key)'))
  await shop.stop()
})

beforeEach(async () => {
  const client = await connected()
  await client.query('truncate account')
  await client.query('truncate holdfast.outbox')
  await client.query(
    `update holdfast.outbox_relay set txid = '0', seq = 0, epoch = 0, owner = '', until = '-infinity'`,
  )
})

describeOn(['memory', 'kafka'], 'the outbox', on => {
  const started = async (): Promise<App<true>> => startedOn(await on.fresh())

  it('publishes what commits, and nothing of what does not', async () => {
    const shop = await started()
    const { id } = await shop.transaction(async tx => {
      await tx.query(`insert into account values ('a')`)
      return tx.publish(orders, 'placed', { order: 'o1', n: 1 }, { tenant: 't1', aggregateVersion: 7n })
    })
    const thrown = shop.transaction(async tx => {
      await tx.query(`insert into account values ('b')`)
      await tx.publish(orders, 'placed', { order: 'o1', n: 2 })
      throw new Error('changed my mind')
    })
    await expect(thrown).rejects.toThrow('changed my mind')
    const swallowed = shop.transaction(async tx => {
      await tx.publish(orders, 'placed', { order: 'o1', n: 3 })
      await tx.query('select 1/0').catch(() => {})
    })
    expect(await rejection(swallowed)).toBe('SINK_ROLLED_BACK')
    const last = await shop.transaction(async tx => {
      await tx.query('savepoint s')
      await tx.publish(orders, 'placed', { order: 'o1', n: 4 })
      await tx.query('rollback to savepoint s')
      return tx.publish(orders, 'placed', { order: 'o1', n: 5 })
    })
    await until('the outbox has moved it', async () => (await idsOf(shop)).includes(last.id))
    expect(await idsOf(shop)).toEqual([id, last.id])
    const [first] = await recordsOf(shop)
    expect(first?.key).toBe('t1/o1')
    expect(Buffer.from(first?.value ?? []).toString()).toBe('{"order":"o1","n":1}')
    expect(first?.headers).toMatchObject({
      ce_source: '/apps/shop',
      ce_tenant: 't1',
      ce_aggregateversion: '7',
    })
    const { rows } = await (await connected()).query('select id from account')
    expect(rows).toEqual([{ id: 'a' }])
  })

  it('checks an event before it writes anything', async () => {
    const shop = await started()
    const wrong = shop.transaction(tx =>
      // @ts-expect-error the payload does not fit
      tx.publish(orders, 'placed', { order: 'o1' }),
    )
    expect(await rejection(wrong)).toBe('EVENT_SCHEMA')
    const { rows } = await (await connected()).query('select from holdfast.outbox')
    expect(rows).toEqual([])
  })

  it('moves rows that other software wrote, as events of their own', async () => {
    const shop = await started()
    const client = await connected()
    await client.query(foreign('from-elsewhere'))
    const sent = await shop.transaction(tx => tx.publish(orders, 'placed', { order: 'o2', n: 1 }))
    await until('the outbox has moved it', async () => (await idsOf(shop)).includes(sent.id))
    const [record] = await recordsOf(shop)
    expect(record?.headers).toMatchObject({
      ce_id: 'from-elsewhere',
      ce_source: '/outbox',
      ce_type: 'placed',
    })
    expect(record?.key).toBe('o1')
  })

  it('publishes what an effect publishes once, however often its event is tried', async () => {
    const shop = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    const tries = new Map<string, number>()
    shop
      .consumer('billing', orders, { from: 'earliest', retry: ['10ms'] })
      .effect('placed', async (event, tx) => {
        const { id } = await tx.publish(bills, 'sent', { order: event.data.order })
        const tried = (tries.get(id) ?? 0) + 1
        tries.set(id, tried)
        if (tried === 1) throw new Error('not yet')
        await tx.query('insert into account values ($1)', [id])
      })
    shop.consumer('reader', bills, { from: 'earliest' }).on('sent', () => {})
    await shop.start()
    onTestFinished(() => shop.stop())
    const cause = await shop.publish(orders, 'placed', { order: 'o1', n: 1 }, { tenant: 't1' })
    const [bill, ...others] = await until('the bill is in the log', async () => {
      const found = await recordsOf(shop, 'bills')
      return found.length > 0 && found
    })
    expect(others).toEqual([])
    expect(bill?.headers).toMatchObject({
      ce_source: '/apps/shop/billing',
      ce_tenant: 't1',
      ce_causationid: cause.id,
      ce_correlationid: cause.id,
    })
    // One id for both attempts, and the one that failed left nothing.
    expect([...tries]).toEqual([[bill?.headers['ce_id'], 2]])
    const { rows } = await (await connected()).query('select id from account')
    expect(rows).toEqual([{ id: bill?.headers['ce_id'] }])
  })

  it('hazard 65: leaves out no row that commits late, whatever rolls back meanwhile', async () => {
    const shop = await started()
    await shop.transaction(tx => tx.publish(orders, 'placed', { order: 'first', n: 0 }))
    const random = seededRandom(seed)
    const rounds = scale({ short: 60, long: 2_000 })
    const committed: string[] = []
    let overtaken = 0
    let highest = 0n
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const client = await connected()
        for (let n = 0; n < rounds; n++) {
          const id = `w${writer}-${n}`
          await client.query('begin')
          await client.query('savepoint s')
          await client.query(foreign(`${id}-undone`, `o${writer}`))
          await client.query('rollback to savepoint s')
          await client.query(foreign(id, `o${writer}`))
          const { rows } = await client.query<{ txid: string }>(`select pg_current_xact_id()::text as txid`)
          await client.query('select pg_sleep($1)', [(random() * 30) / 1_000])
          if (random() < 0.1) {
            await client.query('rollback')
            continue
          }
          await client.query('commit')
          committed.push(id)
          const txid = BigInt(rows[0]?.txid ?? 0)
          if (txid < highest) overtaken += 1
          else highest = txid
        }
      }),
    )
    // The fault: transactions that committed after one with a higher id. A bare cursor would have passed them.
    expect(overtaken).toBeGreaterThan(0)
    observed(`${overtaken} of ${committed.length} transactions committed after one with a higher id`)
    await until('the outbox has moved it', async () => (await idsOf(shop)).length >= committed.length + 1)
    const moved = await idsOf(shop)
    expect(new Set(moved).size).toBe(moved.length)
    expect(moved.slice(1).toSorted()).toEqual(committed.toSorted())
  })

  it('hazard 66: names the transaction that holds rows back, and moves them when it is over', async () => {
    const shop = await started()
    await shop.transaction(tx => tx.publish(orders, 'placed', { order: 'first', n: 0 }))
    await until('the outbox has moved it', async () => (await idsOf(shop)).length === 1)
    const [long, client] = [await connected(), await connected()]
    await long.query('begin')
    const { rows } = await long.query<{ pid: number }>('select pg_current_xact_id(), pg_backend_pid() as pid')
    await client.query(foreign('behind'))
    const held = await until('the outbox says so', async () => (await shop.outbox.status())?.heldBackBy)
    expect(held.pid).toBe(rows[0]?.pid)
    observed(`the outbox named backend ${held.pid}, whose transaction was open, as what holds it back`)
    expect(await idsOf(shop)).toHaveLength(1)
    const told = await cli(['outbox', 'status', '-o', 'json'])
    expect(JSON.parse(told.out)).toMatchObject({ format: 1, pending: 1, heldBackBy: { pid: held.pid } })
    expect((await cli(['outbox', 'status'])).out).toContain(`pid ${held.pid}, open for`)
    await long.query('commit')
    await until('the outbox has moved it', async () => (await idsOf(shop)).includes('behind'))
    await until('the outbox has moved it', async () => (await shop.outbox.status())?.pending === 0)
    expect(await shop.outbox.status()).toMatchObject({ heldBackBy: undefined, oldestAt: undefined })
  })

  it('hazard 68: orders transactions as numbers, across each boundary of digits', async () => {
    const client = await connected()
    // Of transactions long past, so that the fence lets them through.
    for (const txid of ['9', '10', '99', '100', '101'])
      await client.query(
        `insert into holdfast.outbox (txid, id, aggregatetype, aggregateid, type, payload)
          values ($1::text::xid8, $1, 'orders', 'o1', 'placed', '{"order":"o1","n":1}')`,
        [txid],
      )
    const shop = await started()
    await until('the outbox has moved it', async () => (await idsOf(shop)).length >= 5)
    expect(await idsOf(shop)).toEqual(['9', '10', '99', '100', '101'])
  })

  it('hazard 67: refuses rows of a future that this cluster has not seen, and moves them after a rebase', async () => {
    const client = await connected()
    const future = `insert into holdfast.outbox (txid, id, aggregatetype, aggregateid, type, payload)
      values ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint + $1)::text::xid8, $2, 'orders', 'o1', 'placed', '{"order":"o1","n":1}')`
    for (const [ahead, id] of [
      [1_000_000, 'first'],
      [2_000_000, 'second'],
    ])
      await client.query(future, [ahead, id])
    const shop = await started()
    const stuck = await until('the outbox says so', () => {
      const state = shop.outbox.relay()
      return state?.kind === 'stuck' && state
    })
    expect(stuck.reason).toContain('the next one of this cluster is')
    observed(stuck.reason)
    expect(await idsOf(shop)).toEqual([])
    expect(await cli(['outbox', 'rebase'])).toMatchObject({
      code: 0,
      err: expect.stringContaining('would give 2 rows'),
    })
    expect(shop.outbox.relay()?.kind).toBe('stuck')
    expect(await cli(['outbox', 'rebase', '--execute'])).toMatchObject({
      code: 0,
      err: expect.stringContaining('2 rows carry'),
    })
    await until('the outbox has moved it', async () => (await idsOf(shop)).length >= 2)
    expect(await idsOf(shop)).toEqual(['first', 'second'])
  })

  it('hazard 67: refuses a place of another cluster, behind which every new row would be taken for moved', async () => {
    const client = await connected()
    await client.query(`update holdfast.outbox_relay set
      txid = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8`)
    const shop = await started()
    const { id } = await shop.transaction(tx => tx.publish(orders, 'placed', { order: 'o1', n: 1 }))
    const stuck = await until('the outbox says so', () => {
      const state = shop.outbox.relay()
      return state?.kind === 'stuck' && state
    })
    observed(stuck.reason)
    expect(await idsOf(shop)).toEqual([])
    expect(await shop.outbox.rebase()).toBe(1)
    await until('the outbox has moved it', async () => (await idsOf(shop)).includes(id))
    expect(await idsOf(shop)).toEqual([id])
  })

  it('says which row stands in the way when its topic does not exist, and loses nothing behind it', async () => {
    const shop = await started()
    const client = await connected()
    await client.query(
      `insert into holdfast.outbox (id, aggregatetype, aggregateid, type, payload) values ('x1', 'nowhere', 'k', 't', '{}')`,
    )
    const { id } = await shop.transaction(tx => tx.publish(orders, 'placed', { order: 'o1', n: 1 }))
    const stuck = await until('the outbox says so', () => {
      const state = shop.outbox.relay()
      return state?.kind === 'stuck' && state
    })
    expect(stuck.reason).toContain('x1')
    await shop.system.log.topics.create('nowhere', { partitions: 1 })
    await until('the outbox has moved it', async () => (await idsOf(shop)).includes(id))
    expect(await idsOf(shop)).toEqual([id])
  })
})

describeOn(['embedded', 'kafka'], 'the outbox', on => {
  it('is drained by hand while no relay works, which it then refuses, and tells what stays behind an open transaction', async () => {
    const place = await on.place()
    const shopOf = async (role: 'collector' | 'relay'): Promise<App<true>> => {
      const shop = app({ name: 'shop', log: movesLog(place), db: postgres(database.url) })
      await shop.start({ roles: [role] })
      onTestFinished(() => shop.stop())
      return shop
    }
    const shop = await shopOf('collector')
    const publish = (n: number): Promise<{ readonly id: string }> =>
      shop.transaction(tx => tx.publish(orders, 'placed', { order: 'o1', n }))
    const drain = (wait = '60s'): ReturnType<typeof cli> =>
      cli(['outbox', 'drain', '--wait', wait, '-o', 'json'], on.env(place))
    const ids = [await publish(1), await publish(2), await publish(3)].map(({ id }) => id)
    const first = await drain()
    expect([first.code, JSON.parse(first.out)]).toEqual([0, { format: 1, moved: 3, pending: 0 }])
    expect(await idsOf(shop)).toEqual(ids)
    expect(JSON.parse((await drain()).out)).toMatchObject({ moved: 0 })

    const relay = await shopOf('relay')
    const owner = await until('it has the lease', async () => (await shop.outbox.status()).owner)
    expect(await drain()).toMatchObject({ code: 4, err: expect.stringContaining(owner) })
    await relay.stop()

    const long = await connected()
    await long.query('begin')
    await long.query('select pg_current_xact_id()')
    await publish(4)
    expect(await drain('0s')).toMatchObject({
      code: 1,
      out: expect.stringContaining('"moved": 0'),
      err: expect.stringContaining('1 row waits for a transaction that is still open'),
    })
    const held = drain()
    await until('it waits', async () => (await shop.outbox.status()).owner?.startsWith('drain:'))
    await long.query('commit')
    expect(JSON.parse((await held).out)).toEqual({ format: 1, moved: 1, pending: 0 })
    expect(await idsOf(shop)).toHaveLength(4)
  })
})
