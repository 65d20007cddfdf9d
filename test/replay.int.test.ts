import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { app, postgres, topic, type App, type LogDriver } from '../src/index.ts'
import { ownPostgres, query, testDatabase } from './postgres.ts'
import { encodeEvent } from '../src/event/index.ts'
import { caughtUp } from './support/caught-up.ts'
import { describeOn } from './support/test-logs.ts'
import { nextMoment, toArray } from './support/wait.ts'
import { observed } from './harness/observed.ts'
import { until } from './harness/until.ts'

const database = testDatabase()
const orders = topic('orders', {
  key: 'customer',
  partitions: 3,
  events: {
    placed: z.object({ customer: z.string(), n: z.number() }),
    paid: z.object({ customer: z.string(), n: z.number() }),
  },
})

/** Effects of a group, sorted; a double stands there twice. */
async function effects(grp: string, url: string = database.url): Promise<number[]> {
  return (await query(url, 'select n from seen where grp = $1 order by n', [grp])).map(row =>
    Number(row['n']),
  )
}

interface Shop {
  readonly log: LogDriver
  readonly batch?: boolean
  /** What the handlers of group `a` do before they write. */
  readonly before?: (n: number) => void
  /** Whether `a` has a handler for `paid`, as `b` has. */
  readonly paid?: boolean
  readonly kept?: '1d'
}

/** An app with two groups that write down what they see. */
async function started({ log, before = () => {}, paid = true, batch, kept }: Shop): Promise<App<true>> {
  const shop = app({
    name: 'shop',
    log,
    db: postgres(database.url, kept === undefined ? {} : { inboxKept: kept }),
  })
  const policy = { from: 'earliest', retry: ['1ms'], onError: () => undefined } as const
  const a = shop.consumer('a', orders, {
    ...policy,
    onError: error =>
      error instanceof RangeError ? 'skip' : error instanceof TypeError ? 'dead' : undefined,
  })
  const write = 'insert into seen (grp, n) values ($1, $2)'
  if (batch) {
    a.effectBatch(['placed', 'paid'], { max: 20, within: '5ms' }, async (events, tx) => {
      for (const { data } of events) {
        before(data.n)
        await tx.query(write, ['a', data.n])
      }
    })
  } else {
    a.effect('placed', async ({ data }, tx) => {
      before(data.n)
      await tx.query(write, ['a', data.n])
    })
    if (paid) a.effect('paid', async ({ data }, tx) => void (await tx.query(write, ['a', data.n])))
  }
  const b = shop.consumer('b', orders, policy)
  b.effect('placed', async ({ data }, tx) => void (await tx.query(write, ['b', data.n])))
  b.effect('paid', async ({ data }, tx) => void (await tx.query(write, ['b', data.n])))
  await shop.start()
  onTestFinished(() => shop.stop({ drain: '0ms' }))
  return shop
}

async function publish(shop: App<true>, type: 'placed' | 'paid', ns: readonly number[]): Promise<void> {
  await Promise.all(ns.map(n => shop.publish(orders, type, { customer: `c${n % 7}`, n })))
}

/** What waited in a lane behind a dead event of its key has its end. */
const nothingWaits = (shop: App<true>): Promise<boolean> =>
  until('nothing waits in a lane', async () => (await shop.groups()).every(({ parked }) => parked === 0))

function skip(): never {
  throw new RangeError('skip')
}

const upTo = (n: number, from = 0): number[] => Array.from({ length: n - from }, (_, i) => from + i)

beforeEach(async () => {
  await database.query('drop table if exists seen')
  await database.query('create table seen (grp text, n int)')
  await database.query('drop schema if exists holdfast cascade')
})

describeOn(['memory', 'kafka'], 'a replay that fills', on => {
  // How the sink is called has nothing to do with the log.
  it.each(on.kind === 'kafka' ? [false] : [false, true])(
    'hazard 61: applies what is missing of a time once, with live events coming in, and nothing else (in batches: %s)',
    async batch => {
      let mended = false
      const shop = await started({
        log: await on.fresh(),
        batch,
        before(n) {
          if (!mended && n % 5 === 0) throw new RangeError('skipped the first time')
          if (n % 50 === 1) throw new TypeError('dead whenever')
        },
      })
      await publish(shop, 'placed', upTo(1_000, 995)) // of the day before: 995 is skipped, and stays so
      const from = await nextMoment()
      await publish(shop, 'placed', upTo(200))
      await caughtUp(shop, orders)
      await nothingWaits(shop)
      const dead = upTo(200).filter(n => n % 50 === 1)
      const before = [996, 997, 998, 999]
      expect(await effects('a')).toEqual([...upTo(200).filter(n => n % 5 !== 0 && n % 50 !== 1), ...before])
      mended = true
      const plan = await shop.replay('a', { from, mode: 'fill', dryRun: true })
      expect(plan.counts).toMatchObject({ events: 200, missing: 40, known: 156, left: dead.length })
      expect(plan.types).toMatchObject({ placed: { events: 200, missing: 40 } })
      const committed = await shop.system.groups.committed('a')
      const job = await shop.replay('a', { from, mode: 'fill', reason: 'ticket 7' })
      await publish(
        shop,
        'placed',
        upTo(400, 202).filter(n => n % 50 !== 1),
      )
      const end = await job.done
      expect(end).toMatchObject({
        state: 'done',
        reason: 'ticket 7',
        counts: { applied: 40, known: 156, left: 4, died: 0 },
      })
      await caughtUp(shop, orders)
      const all = [...upTo(200), ...upTo(400, 202), ...before].filter(n => n % 50 !== 1)
      expect(await effects('a')).toEqual(all)
      expect(await effects('b'), 'another group sees nothing of it').toEqual([
        ...upTo(200),
        ...upTo(400, 202).filter(n => n % 50 !== 1),
        995,
        ...before,
      ])
      const after = await shop.system.groups.committed('a')
      for (const [i, { offset }] of committed.entries())
        expect(after[i]?.offset).toBeGreaterThanOrEqual(offset)
      const again = await shop.replay('a', { from, mode: 'fill' })
      expect((await again.done).counts).toMatchObject({ applied: 0, left: 4 })
      expect(await effects('a')).toEqual(all)
      observed(`40 of 200 were missing and filled, ${all.length} applied once in all`)
    },
  )
})

describeOn(['memory'], 'a replay that fills', on => {
  it('gives a group that was added late, or got a handler late, what it never saw', async () => {
    const log = await on.fresh()
    const first = await started({ log, paid: false })
    await publish(first, 'placed', upTo(30))
    await publish(first, 'paid', upTo(60, 30))
    await caughtUp(first, orders)
    await first.stop()
    expect(await effects('a')).toEqual(upTo(30))
    const second = await started({ log })
    await until('it has its partitions', async () =>
      (await second.groups()).every(group => group.state === 'running'),
    )
    expect(await second.replay('a', { from: 'earliest', mode: 'fill', dryRun: true })).toMatchObject({
      types: { placed: { known: 30, missing: 0 }, paid: { known: 0, missing: 30 } },
    })
    const job = await second.replay('a', { from: 'earliest', mode: 'fill' })
    expect((await job.done).counts).toMatchObject({ applied: 30, known: 30 })
    expect(await effects('a')).toEqual(upTo(60))
  })

  it('hazard 90: leaves live events three quarters of the places, also when everything that it runs hangs', async () => {
    const log = await on.fresh()
    const first = await started({ log, before: skip })
    await publish(first, 'placed', upTo(100))
    await caughtUp(first, orders)
    await first.stop()
    const release = Promise.withResolvers<void>()
    let hanging = 0
    const shop = app({ name: 'shop', log, db: postgres(database.url) })
    shop
      .consumer('a', orders, { from: 'earliest', concurrency: 4 })
      .effect('placed', async ({ data }, tx) => {
        if (data.n < 100) {
          hanging += 1
          await release.promise
        }
        await tx.query('insert into seen (grp, n) values ($1, $2)', ['a', data.n])
      })
    await shop.start()
    onTestFinished(() => shop.stop({ drain: '0ms' }))
    const job = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    await until('it hangs', () => hanging > 0)
    await publish(shop, 'placed', upTo(200, 100))
    await caughtUp(shop, orders)
    expect(await effects('a')).toEqual(upTo(200, 100))
    expect(hanging).toBe(1)
    observed('100 live events were done with the one place of the replay hanging')
    release.resolve()
    expect((await job.done).counts.applied).toBe(100)
  })

  it('waits like live events while the database is away, blames no event, and goes on by itself', async () => {
    const server = await ownPostgres()
    const log = await on.fresh()
    const shop = app({ name: 'shop', log, db: postgres(server.url) })
    let mended = false
    let ran = 0
    shop
      .consumer('a', orders, {
        from: 'earliest',
        retry: ['1ms'],
        onError: error => (error instanceof RangeError ? 'skip' : undefined),
      })
      .effect('placed', async ({ data }, tx) => {
        if (!mended) skip()
        ran += 1
        await tx.query('insert into seen (grp, n) values ($1, $2)', ['a', data.n])
        await tx.query('select pg_sleep(0.005)')
      })
    await shop.start()
    onTestFinished(() => shop.stop({ drain: '0ms' }))
    await query(server.url, 'create table seen (grp text, n int)')
    await publish(shop, 'placed', upTo(150))
    await caughtUp(shop, orders)
    mended = true
    const job = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    await until('it has filled some', () => ran > 20)
    await server.kill()
    await until('the breaker has seen it', () =>
      shop.breakers().some(one => one.name === 'db' && one.state === 'OPEN'),
    )
    observed(`the server was killed with ${ran} of 150 run`)
    expect(ran).toBeLessThan(150)
    await server.again()
    const end = await job.done
    expect(end.counts).toMatchObject({ died: 0, skipped: 0, unknown: 0 })
    expect(end.counts.applied + end.counts.known).toBe(150)
    expect(await effects('a', server.url)).toEqual(upTo(150))
  })

  it('makes no call to the outside a second time', async () => {
    const shop = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    const calls: number[] = []
    const policy = { from: 'earliest', onError: () => 'skip' as const } as const
    shop
      .consumer('mixed', orders, policy)
      .on('placed', ({ data }) => void calls.push(data.n))
      .effect('paid', () => Promise.reject(new Error('skipped')))
    await shop.start()
    onTestFinished(() => shop.stop())
    await publish(shop, 'placed', upTo(5))
    await publish(shop, 'paid', upTo(10, 5))
    await caughtUp(shop, orders)
    const job = await shop.replay('mixed', { from: 'earliest', mode: 'fill' })
    expect((await job.done).counts).toMatchObject({ passed: 5, skipped: 5 })
    expect(calls.toSorted((a, b) => a - b)).toEqual(upTo(5))
  })

  it('leaves what waits for a retry to its lane, and what has a letter to its letter', async () => {
    const shop = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    let mended = false
    shop
      .consumer('a', orders, {
        from: 'earliest',
        retry: ['1h'],
        onError: error => (error instanceof TypeError ? 'dead' : undefined),
      })
      .effect('placed', async ({ data }, tx) => {
        if (!mended && data.n === 3) throw new Error('again in an hour')
        if (!mended && data.n === 4) throw new TypeError('dead')
        await tx.query('insert into seen (grp, n) values ($1, $2)', ['a', data.n])
      })
    await shop.start()
    onTestFinished(() => shop.stop({ drain: '0ms' }))
    await publish(shop, 'placed', upTo(10))
    await caughtUp(shop, orders)
    await until('both are decided', async () => {
      const [group] = await shop.groups()
      return group?.parked === 1 && group.deadLetters === 1
    })
    mended = true
    const job = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    expect((await job.done).counts).toMatchObject({ left: 2, known: 8, applied: 0 })
    expect(await effects('a')).toEqual(upTo(10).filter(n => n !== 3 && n !== 4))
    expect((await shop.groups()).map(({ parked, deadLetters }) => [parked, deadLetters])).toEqual([[1, 1]])
  })

  it('writes a letter for what fails, and stands still when too much does', async () => {
    let mended = false
    const log = await on.fresh()
    const first = await started({
      log,
      before: skip,
    })
    await publish(first, 'placed', upTo(600))
    await caughtUp(first, orders)
    await first.stop()
    const shop = await started({
      log,
      before() {
        if (!mended) throw new TypeError('wrong')
      },
    })
    const job = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    const standing = await until('it stands still', async () => {
      const { parts } = await job.progress()
      return parts.find(part => part.state === 'waits')
    })
    expect(standing.reason).toMatch(/too many die: \d+ of "verdict: wrong"/)
    expect(
      (await shop.groups()).map(group => group.state),
      'live events go on',
    ).toEqual(['running', 'running'])
    await job.cancel({ reason: 'a mistake' })
    const end = await job.done
    expect(end).toMatchObject({ state: 'cancelled', cancelled: { reason: 'a mistake' } })
    const letters = await toArray(shop.dead('a').list())
    expect(letters.length).toBe(end.counts.died)
    expect(letters.length).toBeLessThanOrEqual(3 * 50)
    mended = true
    await shop.dead('a').replay({})
    await until('they were tried again', async () => (await effects('a')).length === letters.length)
  })

  it('ends where it is when it is cancelled, keeps what was applied, and says where it stands', async () => {
    const log = await on.fresh()
    const first = await started({
      log,
      before: skip,
    })
    await publish(first, 'placed', upTo(90))
    await caughtUp(first, orders)
    await first.stop()
    const shop = await started({ log })
    const slow = await shop.replay('a', { from: 'earliest', mode: 'fill', rate: '9/s' })
    const next = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    await until('it has begun', async () => (await effects('a')).length > 3)
    expect(await next.progress(), 'one after another').toMatchObject({ state: 'waiting' })
    await until('it says how far it is, in the middle of a page', async () =>
      (await slow.progress()).parts.some(part => part.state === 'running' && part.position > part.from),
    )
    await slow.cancel()
    const end = await slow.done
    expect(end.state).toBe('cancelled')
    expect(end.counts.applied).toBeGreaterThan(3)
    expect(end.counts.applied).toBeLessThan(90)
    const done = end.parts.reduce((sum, part) => sum + Number(part.position - part.from), 0)
    expect(done).toBe(end.counts.applied)
    const rest = await next.done
    expect(rest.counts).toMatchObject({ applied: 90 - end.counts.applied, known: end.counts.applied })
    expect(await effects('a')).toEqual(upTo(90))
    expect((await shop.jobs().list()).map(job => [job.id, job.state])).toEqual([
      [next.id, 'done'],
      [slow.id, 'cancelled'],
    ])
    await expect(shop.jobs().show('nobody')).rejects.toThrow(/no replay with this id/)
  })
})

describeOn(['embedded', 'kafka'], 'a replay that fills', on => {
  it('is gone on with by the process that a partition is given to', async () => {
    const log = await on.fresh({ sessionMs: 5_000, beatMs: 200 })
    const filled = new Map<string, number>()
    const one = async (name: string, mended: boolean): Promise<App<true>> => {
      const shop = app({ name, log, db: postgres(database.url) })
      shop
        .consumer('a', orders, {
          from: 'earliest',
          onError: error => (error instanceof RangeError ? 'skip' : undefined),
        })
        .effect('placed', async ({ data }, tx) => {
          if (!mended) skip()
          await tx.query('insert into seen (grp, n) values ($1, $2)', ['a', data.n])
          filled.set(name, (filled.get(name) ?? 0) + 1)
        })
      await shop.start()
      onTestFinished(() => shop.stop({ drain: '0ms' }))
      return shop
    }
    const first = await one('skips', false)
    await publish(first, 'placed', upTo(240))
    await caughtUp(first, orders)
    await first.stop()
    const second = await one('second', true)
    const job = await second.replay('a', { from: 'earliest', mode: 'fill', rate: '30/s' })
    await until('it has begun', () => (filled.get('second') ?? 0) > 10)
    const third = await one('third', true)
    const end = await job.done
    expect(end.state).toBe('done')
    expect(filled.get('third'), 'it was given a partition in the middle').toBeGreaterThan(0)
    expect(await effects('a')).toEqual(upTo(240))
    expect(await third.jobs().show(job.id)).toMatchObject({ state: 'done' })
    observed(`handed over in the middle: ${[...filled].map(([name, n]) => `${name} ${n}`).join(', ')}`)
  })
})

describeOn(['memory'], 'a replay that fills', on => {
  it('fills days from before the group began, also when its own first day is forgotten, and counts that', async () => {
    const log = await on.fresh()
    const shop = app({ name: 'shop', log, db: postgres(database.url) })
    shop.consumer('late', orders, { from: 'latest' }).effect('placed', async ({ data }, tx) => {
      await tx.query('insert into seen (grp, n) values ($1, $2)', ['late', data.n])
    })
    const before = app({ name: 'before', log })
    await before.start()
    await before.system.log.topics.create('orders', { partitions: 3 })
    const event = { source: '/test', type: 'placed', version: 1, time: undefined, extensions: {} }
    const acceptedAt = Date.now() - 20 * 86_400_000
    for (const partition of [0, 1, 2]) {
      const data = Buffer.from(JSON.stringify({ customer: 'c', n: partition }))
      const record = encodeEvent({ ...event, id: `old-${partition}`, acceptedAt, key: 'c', data })
      await before.system.log.append('orders', [{ ...record, partition }])
    }
    await before.stop()
    await shop.start()
    onTestFinished(() => shop.stop())
    await caughtUp(shop, orders)
    await publish(shop, 'placed', upTo(20, 10))
    await caughtUp(shop, orders)
    await database.query(
      `insert into holdfast.pruned (grp, bucket) select grp, $1 from holdfast.grp where name = 'late'`,
      [Math.floor(Date.now() / 86_400_000)],
    )
    const plan = await shop.replay('late', { from: 'earliest', mode: 'fill', dryRun: true })
    expect(plan.counts).toMatchObject({ missing: 3, unknown: 10, known: 0 })
    const job = await shop.replay('late', { from: 'earliest', mode: 'fill' })
    expect((await job.done).counts).toMatchObject({ applied: 3, unknown: 10 })
    expect(await effects('late')).toEqual([0, 1, 2, ...upTo(20, 10)])
  })

  it('is refused where nobody can know what is missing', async () => {
    const log = await on.fresh()
    const shop = app({ name: 'shop', log, db: postgres(database.url, { inboxKept: '1d' }) })
    const policy = { from: 'earliest' } as const
    shop.consumer('calls', orders, policy).on('placed', () => {})
    shop
      .consumer('offsets', orders, { ...policy, order: 'partition', dedup: 'offsets' })
      .effect('placed', async () => {})
    shop.consumer('a', orders, policy).effect('placed', async () => {})
    await shop.start()
    onTestFinished(() => shop.stop())
    const refused = (group: string): Promise<unknown> =>
      shop.replay(group, { from: 'earliest', mode: 'fill' }).then(
        () => expect.fail('not refused'),
        (error: unknown) => (error as Error).message,
      )
    expect(await refused('a')).toMatch(/no events of this range/)
    // The inbox forgets today.
    await shop.publish(orders, 'placed', { customer: 'c', n: 1 })
    await caughtUp(shop, orders)
    await database.query(
      `insert into holdfast.pruned (grp, bucket) select grp, $1 from holdfast.grp where name = 'a'`,
      [Math.floor(Date.now() / 86_400_000)],
    )
    expect(await refused('a')).toMatch(
      /has forgotten what was applied of the day .* are known; keep more days/,
    )
    expect(await refused('calls')).toMatch(/it has no effects/)
    expect(await refused('offsets')).toMatch(/keeps no ids/)
    await expect(shop.replay('nobody', { from: 'earliest', mode: 'fill' })).rejects.toThrow(
      /no group "nobody"/,
    )
    expect(await shop.jobs().list()).toEqual([])
  })
})
