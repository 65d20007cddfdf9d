import { app, postgres, topic } from 'holdfast'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import {
  encodeEvent,
  silentLogger,
  systemClock,
  systemRandom,
  type NewRecord,
} from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { deadLetters, type DeadLetters } from '../../src/recover/index.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { testDatabase } from '../postgres.ts'
import { describeOn } from '../support/test-logs.ts'
import { startShared } from './consumers.ts'
import { withLog } from './log-access.ts'
import { withClient } from './store.ts'

const orders = topic('orders', {
  key: 'order',
  partitions: 8,
  events: { placed: z.object({ order: z.string(), n: z.number(), cents: z.number() }) },
})

const EVENTS = scale({ short: 20_000, long: 100_000 })
/** One event in twenty is poison, of three kinds in turn. */
const poisonOf = (n: number): number | undefined => (n % 20 === 0 ? (n / 20) % 3 : undefined)

function placed(n: number): NewRecord {
  const data = { order: `o${n % 500}`, n, cents: poisonOf(n) === 2 ? -n : n + 1 }
  return encodeEvent({
    id: `placed-${n}`,
    source: '/test',
    type: 'placed',
    version: 1,
    time: undefined,
    acceptedAt: Date.now(),
    extensions: {},
    key: data.order,
    data: Buffer.from(JSON.stringify(data)),
  })
}

describeOn(['embedded'], 'dead letters', on => {
  const database = testDatabase()

  test('1,000 poison events of three causes among 20,000: exactly those die, and mended and replayed they are applied once, by their group alone', async () => {
    await withClient(database.url, client =>
      client.query('create table billed (n int, cents int check (cents > 0))'),
    )
    const a = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    let mended = false
    let heard = 0
    a.consumer('billing', orders, { from: 'earliest', retry: ['20ms'], maxInFlight: 2_000 }).effect(
      'placed',
      async ({ data: { n, cents } }, tx) => {
        if (!mended && poisonOf(n) === 0) throw new RangeError(`no price for order number ${n}`)
        if (!mended && poisonOf(n) === 1) throw new TypeError(`cannot read "total" of line ${n}`)
        await tx.query('insert into billed values ($1, $2)', [n, cents])
      },
    )
    a.consumer('mails', orders, { from: 'earliest' }).on('placed', () => void heard++)
    await a.start()
    onTestFinished(() => a.stop())
    for (let n = 0; n < EVENTS; n += 1_000)
      await a.system.log.append(
        'orders',
        Array.from({ length: 1_000 }, (_, i) => placed(n + i)),
      )
    const allDone = (): Promise<unknown> =>
      until(
        'everything is done',
        async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0),
        600_000,
      )
    await allDone()

    const dead = a.dead('billing')
    const poisoned = EVENTS / 20
    const causes = await dead.causes()
    observed(
      `${poisoned} of ${EVENTS} died of ${causes.map(({ error, letters }) => `${error} ${letters}`).join(', ')}`,
    )
    expect(
      causes.map(({ error, message }) => `${error}: ${message}`).toSorted((x, y) => x.localeCompare(y)),
    ).toEqual([
      'attempts: RangeError: no price for order number #',
      'attempts: TypeError: cannot read … of line #',
      'data: 23514: new row for relation … violates check constraint …',
    ])
    expect(causes.reduce((sum, { open }) => sum + open, 0)).toBe(poisoned)
    expect((await a.groups()).map(({ group, deadLetters }) => [group, deadLetters])).toEqual([
      ['billing', poisoned],
      ['mails', 0],
    ])
    expect(await rows()).toEqual({ all: EVENTS - poisoned, different: EVENTS - poisoned, below: 0 })

    // Two causes were mistakes of the handler, and one is in the data.
    mended = true
    const rule = (data: unknown): unknown => {
      const { cents, ...rest } = data as { cents: number }
      return { ...rest, cents: Math.abs(cents) + 1 }
    }
    const edit = await dead.edit({ cause: '23514' }, rule, { reason: 'amounts came with the wrong sign' })
    expect(edit).toMatchObject({
      refused: [],
      edited: causes.find(({ error }) => error === 'data: 23514')?.open,
    })
    const first = await dead.replay({}, { first: 1, reason: 'one first' })
    expect(first).toMatchObject({ resolved: 1 })
    const heardBefore = heard
    const report = await dead.replay({}, { reason: 'mended', endWithin: '10m' })
    expect(report).toMatchObject({
      accepted: poisoned - 1,
      resolved: poisoned - 1,
      refused: [],
      diedAgain: [],
    })
    await allDone()
    expect(await rows()).toEqual({ all: EVENTS, different: EVENTS, below: 0 })
    expect([heardBefore, heard]).toEqual([EVENTS, EVENTS])
    expect((await dead.stats()).byStatus).toEqual({
      died: 0,
      replaying: 0,
      resolved: poisoned,
      discarded: 0,
      superseded: 0,
    })

    async function rows(): Promise<unknown> {
      const text = `select count(*)::int as all, count(distinct n)::int as different,
      count(*) filter (where cents <= 0)::int as below from billed`
      return withClient(database.url, async client => (await client.query<object>(text)).rows[0])
    }
  }, 900_000)

  test('a letter whose day the inbox has forgotten is replayed, and applied once', async () => {
    await withClient(database.url, client => client.query('create table late (n int)'))
    const a = app({ name: 'late', log: await on.fresh(), db: postgres(database.url) })
    let mended = false
    a.consumer('late', orders, { from: 'earliest', retry: [] }).effect(
      'placed',
      async ({ data: { n } }, tx) => {
        if (n === 1 && !mended) throw new RangeError('not yet')
        await tx.query('insert into late values ($1)', [n])
      },
    )
    await a.start()
    onTestFinished(() => a.stop())
    const fiveDaysAgo = String(Date.now() - 5 * 24 * 60 * 60 * 1_000)
    const old = [1, 2].map(n => {
      const event = placed(n)
      return { ...event, headers: { ...event.headers, 'hf-at': fiveDaysAgo } }
    })
    await a.system.log.append('orders', old)
    const allDone = (): Promise<unknown> =>
      until('both are done', async () =>
        (await a.groups()).every(group => group.lag === 0n && group.parked === 0),
      )
    await allDone()
    const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
    const sink = await postgres(database.url).open(env)
    await sink.prune(Date.now())
    const known = await sink.knownFrom({ group: 'late', generation: 0 })
    expect(known).toBeGreaterThan(Number(fiveDaysAgo)) // the day is gone, with the row of the one that was applied
    await sink.close()

    const dead = a.dead('late')
    expect(await dead.replay({})).toMatchObject({ accepted: 1, diedAgain: [expect.any(String)] })
    mended = true
    expect(await dead.replay({})).toMatchObject({ accepted: 1, resolved: 1 })
    await allDone()
    const late = await withClient(
      database.url,
      async client => (await client.query('select n from late order by n')).rows,
    )
    expect(late).toEqual([{ n: 1 }, { n: 2 }])
  })
})

describeOn(['embedded', 'kafka'], 'dead letters', on => {
  test('hazard 50: letters are replayed by twenty clicks at once while the process that replays is killed: each is applied once', async () => {
    const { system, consumers } = await startShared({ on, groups: ['each'] }, 1)
    const load = { ...system.load, seconds: 4, keys: 200, seed }
    const [good, bad] = await Promise.all([
      startLoad({ ...load, run: 'g', ratePerSecond: 200 }),
      startLoad({ ...load, run: 'b', ratePerSecond: 40, body: system.load.body.replace('moved', 'bad') }),
    ])
    const sent = [(await good.finished()).summary.accepted, (await bad.finished()).summary.accepted]
    const accepted = (sent[0] ?? 0) + (sent[1] ?? 0)
    const poisoned = sent[1] ?? 0
    const [broken = expect.fail()] = consumers
    await until('all are done or dead', async () => {
      const { groups } = await broken.status()
      return groups.every(group => group.lag === 0 && group.parked === 0)
    })
    await broken.child.terminate()

    const first = await system.startConsumer({ mended: true })
    await withLog(system, async log => {
      const seen = lettersOf(log)
      expect((await seen.stats()).byStatus.died).toBe(poisoned)
      const click = (): Promise<unknown>[] =>
        Array.from({ length: 20 }, () =>
          lettersOf(log).replay({}, { rate: '40/s', answerWithin: '2s', endWithin: '0ms' }),
        )
      const clicks = click()
      await until('some are applied', async () => (await seen.stats()).byStatus.resolved >= poisoned / 8)
      const exit = await first.child.kill()
      const { died, replaying, resolved } = (await seen.stats()).byStatus
      observed(
        `killed by ${exit.signal} with ${resolved} applied, ${replaying} on their way and ${died} dead`,
      )
      expect(exit.signal).toBe('SIGKILL')
      expect(died).toBeGreaterThan(0)
      await Promise.all(clicks)

      await system.startConsumer({ mended: true })
      await until(
        'all are applied',
        async () => {
          await Promise.all(click())
          return (await seen.stats()).byStatus.resolved === poisoned
        },
        300_000,
      )
    })
    const rows = await withClient(system.databaseUrl, async client => {
      const text = `select count(*)::int as all, count(distinct id)::int as different from applied where grp = 'each'`
      return (await client.query<object>(text)).rows[0]
    })
    expect(rows).toEqual({ all: accepted, different: accepted })
    expect(poisoned).toBeGreaterThan(100)
  })
})

function lettersOf(log: Log): DeadLetters {
  const of = { group: 'each', clock: systemClock, random: systemRandom, by: 'test', topicOf: () => undefined }
  return deadLetters({ log, ...of })
}
