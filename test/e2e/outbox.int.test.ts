import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { seededRandom } from '../../src/event/index.ts'
import { app, postgres, topic, type App } from '../../src/index.ts'
import { movesLog } from '../apps/moves-log.ts'
import { startChild, type Child } from '../harness/child.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { testDatabaseAlone } from '../postgres.ts'
import { describeOn, type SharedTestLog } from '../support/test-logs.ts'

const database = testDatabaseAlone()
vi.setConfig({ testTimeout: scale({ short: 120_000, long: 1_800_000 }) })

const orders = topic('orders', {
  key: 'order',
  partitions: 2,
  events: { placed: z.object({ order: z.string(), n: z.number() }) },
})

interface Shop {
  readonly app: App<true>
  readonly client: Client
  relay(leaseMs?: number): Promise<Child>
  /** Orders whose rows were applied, in that order. */
  applied(): Promise<{ order: string; n: number }[]>
}

/** An app that applies what reaches the log; its relays are other processes. */
async function startShop(on: SharedTestLog): Promise<Shop> {
  const place = await on.place()
  const client = new Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(`drop schema if exists holdfast cascade; drop table if exists booked;
    create table booked (seq bigint generated always as identity, "order" text, n int)`)
  const shop = app({ name: 'shop', log: movesLog(place), db: postgres(database.url) })
  shop.consumer('books', orders, { from: 'earliest' }).effect('placed', async ({ data }, tx) => {
    await tx.query('insert into booked ("order", n) values ($1, $2)', [data.order, data.n])
  })
  await shop.start({ roles: ['consumers'] })
  onTestFinished(() => shop.stop())
  await shop.outbox.status()
  return {
    app: shop,
    client,
    async relay(leaseMs = 300) {
      const main = join(import.meta.dirname, '../apps/outbox-relay.ts')
      const options = JSON.stringify({ ...place, database: database.url, leaseMs })
      const child = await startChild({ name: 'relay', args: ['--conditions=holdfast-source', main, options] })
      await child.line(/^up$/)
      return child
    },
    applied: async () => (await client.query('select "order", n from booked order by seq')).rows as never,
  }
}

/** Four orders that grow by one row after another, until told to stop. Answers what committed. */
async function keepWriting(shop: Shop, stop: AbortSignal): Promise<Map<string, number>> {
  const committed = new Map<string, number>()
  await Promise.all(
    ['a', 'b', 'c', 'd'].map(async order => {
      for (let n = 0; !stop.aborted; n++) {
        await shop.app.transaction(tx => tx.publish(orders, 'placed', { order, n }))
        committed.set(order, n + 1)
        await wait(2)
      }
    }),
  )
  return committed
}

async function expectAllOnceInOrder(shop: Shop, committed: ReadonlyMap<string, number>): Promise<void> {
  const total = [...committed.values()].reduce((sum, count) => sum + count, 0)
  // A long run leaves a long backlog, so only a standstill is a failure.
  for (let applied = 0; applied < total;) {
    const before = applied
    applied = await until(`more than ${before} of ${total} are applied`, async () => {
      const { rows } = await shop.client.query<{ n: number }>('select count(*)::int as n from booked')
      const { n = 0 } = rows[0] ?? {}
      return n > before && n
    })
  }
  const rows = await shop.applied()
  for (const [order, count] of committed) {
    const numbers = rows.filter(row => row.order === order).map(row => row.n)
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n))
  }
}

describeOn(['embedded', 'kafka'], 'the outbox', on => {
  it('hazard 70: a relay that is killed again and again loses nothing, and nothing is applied twice', async () => {
    const shop = await startShop(on)
    const random = seededRandom(seed)
    const stop = new AbortController()
    const writing = keepWriting(shop, stop.signal)
    const kills = scale({ short: 8, long: 200 })
    let duringWork = 0
    for (let n = 0; n < kills; n++) {
      const relay = await shop.relay()
      await relay.line(/^relayed \d+$/)
      await wait(random() * 60)
      expect((await relay.kill()).signal).toBe('SIGKILL')
      if (relay.stdout.length > 1) duringWork += 1
    }
    stop.abort()
    const committed = await writing
    await shop.relay()
    await expectAllOnceInOrder(shop, committed)
    expect(duringWork).toBe(kills)
    observed(`${kills} relays killed while they moved rows`)
  })

  it('hazard 69: of two relays one works, and one that freezes beyond its lease changes nothing when it wakes', async () => {
    const shop = await startShop(on)
    const stop = new AbortController()
    const writing = keepWriting(shop, stop.signal)
    // Long enough that on a busy machine only the one that is stopped loses it.
    const [first, second] = [await shop.relay(2_000), await shop.relay(2_000)]
    const working = await until('one of them relays', () =>
      [first, second].find(({ stdout }) => stdout.some(line => line.startsWith('relayed'))),
    )
    const other = working === first ? second : first
    expect(other.stdout).toEqual(['up'])
    await freezeBesideCommits(working, shop)
    await other.line(/^relayed \d+$/)
    const place = await placeOf(shop)
    const said = working.stdout.length
    await working.thaw()
    await until('the other goes on', async () => (await placeOf(shop)) > place)
    stop.abort()
    await expectAllOnceInOrder(shop, await writing)
    // Of the lease that it had, at most the append that it was in when it froze. It may have got another since.
    const woken = working.stdout.slice(said)
    const again = woken.findIndex(line => line.startsWith('leads'))
    expect((again < 0 ? woken : woken.slice(0, again)).length).toBeLessThanOrEqual(1)
    observed(`relay ${working.pid} was stopped beyond its lease, ${other.pid} took over`)
  })
})

async function placeOf({ client }: Shop): Promise<bigint> {
  const { rows } = await client.query<{ txid: string }>(
    'select txid::text as txid from holdfast.outbox_relay',
  )
  return BigInt(rows[0]?.txid ?? 0)
}

/** A process that is stopped within a commit holds up every writer of an embedded log, which is not the fault meant here. */
async function freezeBesideCommits(child: Child, { app }: Shop): Promise<void> {
  await app.system.log.topics.create('probe', { partitions: 1 })
  for (let attempt = 1; attempt <= 20; attempt++) {
    await child.freeze()
    const probe = app.system.log.append('probe', [{ value: null, headers: {} }])
    const held = await Promise.race([probe.then(() => false), wait(2_000, true)])
    if (!held) return
    await child.thaw()
    await probe
  }
  throw new Error(`${child.name} was stopped 20 times, each time within a commit`)
}
