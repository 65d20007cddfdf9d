import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { observed } from '../../test/harness/observed.ts'
import { testDatabase } from '../../test/postgres.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { postgres } from '../drivers/postgres/index.ts'
import {
  encodeEvent,
  offset,
  silentLogger,
  systemClock,
  systemRandom,
  type NewRecord,
} from '../event/index.ts'
import type { LogDriver } from '../log/index.ts'
import { topic } from '../schema/index.ts'
import type { Sink } from '../sink/index.ts'
import { app, type App } from '../server/app.ts'

const DAY_MS = 86_400_000
const customer = z.string()
const cancelled = z.object({ customer })
const ordersWith = <N extends z.ZodType>(n: N) =>
  topic('orders', {
    key: 'customer',
    partitions: 1,
    events: { placed: z.object({ customer, n, bad: z.boolean().optional() }), cancelled },
  })
const orders = ordersWith(z.number())
/** As it is in the next deployment. */
const mended = ordersWith(z.number().optional())

const database = testDatabase()
/** Batches begin when they are full. */
const PATIENT = '1h'

function record(
  of: string,
  data: unknown,
  over: { readonly type?: string; readonly acceptedAt?: number } = {},
): NewRecord {
  return encodeEvent({
    id: crypto.randomUUID(),
    source: '/test',
    type: over.type ?? 'placed',
    version: 1,
    time: undefined,
    acceptedAt: over.acceptedAt ?? systemClock.now(),
    extensions: {},
    key: of,
    data: typeof data === 'string' ? Buffer.from(data) : Buffer.from(JSON.stringify(data)),
  })
}

const placed = (of: string, n: number): NewRecord => record(of, { customer: of, n })

interface Settings {
  /** And the group: what the database knows of the offsets of a log is known of its group. */
  readonly table: string
  readonly contract?: typeof orders | typeof mended
  readonly log?: LogDriver
  readonly max?: number
  readonly within?: '1h' | '5ms'
  readonly order?: 'key' | 'partition'
  readonly dedup?: 'ids' | 'offsets'
  readonly whenDead?: 'hold' | 'continue'
}

/** A group that writes batches down, row by row; a row that is marked or refused dies at once. */
async function batches({
  table,
  log = anyLog(),
  max = 4,
  within = PATIENT,
  ...of
}: Settings): Promise<App<true>> {
  const { contract = orders, order = 'key', dedup = 'ids', whenDead = 'hold' } = of
  await database.query(
    `create table if not exists ${table}(seq bigint generated always as identity, customer text, n int check (n >= 0))`,
  )
  const a = app({ name: 'shop', log, db: postgres(database.url) })
  onTestFinished(() => a.stop())
  const onError = (error: unknown): 'dead' | undefined => (error instanceof RangeError ? 'dead' : undefined)
  a.consumer(table, contract as typeof orders, {
    from: 'earliest',
    unhandled: 'dead',
    onError,
    order,
    dedup,
    whenDead,
  }).effectBatch(['placed'], { max, within }, async (events, tx, { fail }) => {
    for (const [i, { data }] of events.entries()) {
      if (data.bad) fail(i, new RangeError('marked'))
      await tx.query(`insert into ${table}(customer, n) values ($1, $2)`, [data.customer, data.n])
    }
  })
  await a.start()
  return a
}

async function rows(table: string): Promise<string[]> {
  const found = await database.query(
    `select customer || coalesce(n::text, 'null') as row from ${table} order by seq`,
  )
  return found.map(row => String(row['row']))
}

async function standing(a: App<true>): Promise<{ readonly lag: bigint; readonly parked: number }> {
  const [group] = await a.groups()
  return { lag: group?.lag ?? -1n, parked: group?.parked ?? -1 }
}

async function allIsDone(a: App<true>): Promise<boolean> {
  const { lag, parked } = await standing(a)
  return lag === 0n && parked === 0
}

async function reasons(a: App<true>, group: string): Promise<string[]> {
  return (await toArray(a.dead(group).list())).map(({ reason }) => reason)
}

function openSink(): Promise<Sink> {
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  return postgres(database.url).open(env)
}

/** The inbox knows nothing any more of a day on which this group has applied something. */
async function forgottenDay(a: App<true>, table: string): Promise<number> {
  const acceptedAt = systemClock.now() - 20 * DAY_MS
  const full = [0, 1, 2, 3].map(n => record(`z${n}`, { customer: 'z', n }, { acceptedAt }))
  await a.system.log.append('orders', full)
  await until(() => allIsDone(a))
  const sink = await openSink()
  await sink.prune(acceptedAt + 2 * DAY_MS)
  await sink.close()
  await database.query(`delete from ${table}`)
  return acceptedAt
}

const bad = { customer: 'a' }
const deaths = [
  { reason: 'decode', dies: async () => record('a', '[[') },
  { reason: 'schema', dies: async () => record('a', bad) },
  { reason: 'unhandled', dies: async () => record('a', bad, { type: 'cancelled' }) },
  { reason: 'verdict', dies: async () => record('a', { ...bad, n: 1, bad: true }) },
  { reason: 'data', dies: async () => record('a', { ...bad, n: -1 }) },
  {
    reason: 'expired',
    dies: async (a: App<true>, table: string) =>
      record('a', { ...bad, n: 1 }, { acceptedAt: await forgottenDay(a, table) }),
  },
] as const

describe('an event that dies in a batch', () => {
  it.each(deaths)(
    'hazard 43: holds the later ones of its key, also those of the batch, until somebody decides: $reason',
    async ({ reason, dies }) => {
      const table = `held_${reason}`
      const a = await batches({ table })
      await a.system.log.append('orders', [
        await dies(a, table),
        placed('a', 2),
        placed('b', 3),
        placed('a', 4),
      ])
      await until(async () => (await standing(a)).parked === 3 && (await reasons(a, table)).length === 1)
      expect(await reasons(a, table)).toEqual([reason])
      expect(await rows(table)).toEqual(['b3'])
      expect(await a.dead(table).release({})).toMatchObject({ accepted: 1 })
      await until(() => allIsDone(a))
      expect(await rows(table)).toEqual(['b3', 'a2', 'a4'])
      observed(`1 of 4 died of ${reason}, 2 of its key waited for the decision`)
    },
  )

  it('hazard 43: holds the whole partition where that is the order', async () => {
    const a = await batches({ table: 'held_all', order: 'partition' })
    await a.system.log.append('orders', [placed('a', 1), record('b', '[['), placed('a', 3), placed('c', 4)])
    await until(async () => (await standing(a)).parked === 1 && (await reasons(a, 'held_all')).length === 1)
    expect(await rows('held_all')).toEqual(['a1'])
    await a.dead('held_all').release({})
    await until(() => allIsDone(a))
    expect(await rows('held_all')).toEqual(['a1', 'a3', 'c4'])
  })

  it.each([
    { order: 'key', dedup: 'ids' },
    { order: 'partition', dedup: 'offsets' },
  ] as const)(
    'hazard 43: that stays in a flood of deaths is applied by the next deployment before the later ones of its key: $order, $dedup',
    async ({ order, dedup }) => {
      const table = `flood_${dedup}`
      const log = anyLog()
      const of = { table, log, order, dedup, whenDead: 'continue' } as const
      const pairs = Array.from({ length: 51 }, (_, n) => n)
      const first = await batches({ ...of, max: 102 })
      await first.system.log.append(
        'orders',
        pairs.flatMap(n => [record(`k${n}/`, { customer: `k${n}/` }), placed(`k${n}/`, n)]),
      )
      await until(async () => (await first.groups())[0]?.reason?.includes('dead-letter flood') === true)
      await until(async () => (await reasons(first, table)).length === 50)
      await first.stop()
      const second = await batches({ ...of, contract: mended, within: '5ms' })
      await until(() => allIsDone(second))
      expect(await reasons(second, table)).toHaveLength(50)
      const found = await rows(table)
      expect(found).toHaveLength(52)
      for (const n of pairs) {
        const ofKey = found.filter(row => row.startsWith(`k${n}/`))
        expect(ofKey).toEqual(n < 50 ? [`k${n}/${n}`] : [`k${n}/null`, `k${n}/${n}`])
      }
      observed('50 of 51 that could not be read died, the last stayed and was applied before its follower')
    },
  )
})

describe('a batch in which some have another generation', () => {
  it('hazard 43: applies the events of a key in their order', async () => {
    const table = 'generations'
    const sink = await openSink()
    await sink.migrate()
    const scope = { group: table, topic: 'orders', partition: 0, generation: 0, owner: 'test' }
    const lease = await sink.takeOver(scope, async () => true)
    // A range that was to be run again, and was given up before anything of it had.
    const range = { job: 'given-up', from: offset(2), to: offset(4) }
    await sink.reprocess(lease, range, async () => {}, new AbortController().signal)
    await sink.reprocessedTo(lease, range.job, { position: range.from, isOver: true })
    await sink.close()
    const a = await batches({ table, max: 6 })
    await a.system.log.append(
      'orders',
      [0, 1, 2, 3, 4, 5].map(n => placed('a', n)),
    )
    await until(() => allIsDone(a))
    expect(await rows(table)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
  })
})

describe('an event that dies alone', () => {
  it.each(['on', 'effect'] as const)('hazard 43: holds the later ones of its key (.%s)', async verb => {
    const a = app({ name: 'shop', log: anyLog(), db: postgres(database.url) })
    onTestFinished(() => a.stop())
    const seen: number[] = []
    const see = async (event: { readonly data: { readonly n: number } }): Promise<void> =>
      void seen.push(event.data.n)
    const name = `alone_${verb}`
    const group = a.consumer(name, orders, { from: 'earliest', whenDead: 'hold' })
    if (verb === 'on') group.on('placed', see)
    else group.effect('placed', see)
    await a.start()
    await a.system.log.append('orders', [record('a', '[['), placed('a', 2), placed('b', 3), placed('a', 4)])
    await until(async () => (await standing(a)).parked === 3 && (await reasons(a, name)).length === 1)
    await until(() => seen.length > 0)
    expect(seen).toEqual([3])
    await a.dead(name).release({})
    await until(() => allIsDone(a))
    expect(seen).toEqual([3, 2, 4])
  })
})
