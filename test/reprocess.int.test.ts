import { Client } from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { app, memory, postgres, topic, type App, type ResetRange } from '../src/index.ts'
import type { Tx } from '../src/sink/index.ts'
import { observed } from './harness/observed.ts'
import { until } from './harness/until.ts'
import { testDatabase } from './postgres.ts'
import { toArray } from './support/wait.ts'

const database = testDatabase()
const orders = topic('orders', {
  key: 'customer',
  partitions: 3,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

async function query(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows
  } finally {
    await client.end()
  }
}

interface Row {
  readonly n: number
  readonly version: number
  readonly generation: number
}

/** What a group has written, in the order of its transactions within a key. */
async function rows(grp: string): Promise<Row[]> {
  const found = await query('select n, version, generation from seen where grp = $1 order by id', [grp])
  return found.map(row => ({
    n: Number(row['n']),
    version: Number(row['version']),
    generation: Number(row['generation']),
  }))
}

const numbers = (found: readonly Row[]): number[] => found.map(({ n }) => n).toSorted((a, b) => a - b)
const upTo = (to: number, from = 0): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const customerOf = (n: number): string => `c${n % 7}`

interface Handler {
  /** Written with each row: which handler it was. */
  version: number
  before?: (n: number) => void
  reset?: (range: ResetRange, tx: Tx) => Promise<void>
}

const deleteRange = async ({ group, partition, from, to }: ResetRange, tx: Tx): Promise<void> => {
  await tx.query('delete from seen where grp = $1 and partition = $2 and at >= $3 and at < $4', [
    group,
    partition,
    from,
    to,
  ])
}

/** An app with group `a`, whose handler is changed by the test, and `b`, which sees nothing of what is done to `a`. */
async function started(handler: Handler, batch = false): Promise<App<true>> {
  const shop = app({ name: 'shop', log: memory(), db: postgres(database.url) })
  const write =
    'insert into seen (grp, n, partition, at, version, generation) values ($1, $2, $3, $4, $5, $6)'
  const policy = { from: 'earliest', retry: ['1ms'] } as const
  const a = shop.consumer('a', orders, {
    ...policy,
    onError: error => (error instanceof TypeError ? 'dead' : undefined),
    reset: (range, tx) => (handler.reset ?? deleteRange)(range, tx),
  })
  if (batch) {
    a.effectBatch(['placed'], { max: 20, within: '5ms' }, async (events, tx, { generation }) => {
      for (const { data, partition, offset } of events) {
        handler.before?.(data.n)
        await tx.query(write, ['a', data.n, partition, offset, handler.version, generation])
      }
    })
  } else {
    a.effect('placed', async ({ data, partition, offset }, tx, { generation }) => {
      handler.before?.(data.n)
      await tx.query(write, ['a', data.n, partition, offset, handler.version, generation])
    })
  }
  shop.consumer('b', orders, policy).effect('placed', async ({ data, partition, offset }, tx) => {
    await tx.query(write, ['b', data.n, partition, offset, 0, 0])
  })
  await shop.start()
  onTestFinished(() => shop.stop({ drain: '0ms' }))
  return shop
}

async function publish(shop: App<true>, ns: readonly number[]): Promise<void> {
  // One after another within a key.
  await Promise.all(
    [...Map.groupBy(ns, customerOf).values()].map(async ofOne => {
      for (const n of ofOne) await shop.publish(orders, 'placed', { customer: customerOf(n), n })
    }),
  )
}

const caughtUp = (shop: App<true>): Promise<boolean> =>
  until('the groups have done everything', async () => {
    const { log, groups } = shop.system
    for (const { group } of await shop.groups()) {
      const committed = await groups.committed(group)
      if (committed.length < orders.partitions) return false
      for (const position of committed) if ((await log.bounds(position)).end !== position.offset) return false
    }
    return true
  })

async function nextMoment(): Promise<Date> {
  const began = Date.now()
  await until('the clock goes on', () => Date.now() > began + 1)
  return new Date()
}

/** Of each key the numbers must grow. */
function expectOrdered(found: readonly Row[]): void {
  for (const [customer, ofOne] of Map.groupBy(found, ({ n }) => customerOf(n)))
    expect([customer, ofOne.map(({ n }) => n)]).toEqual([customer, numbers(ofOne)])
}

beforeEach(async () => {
  await query('drop table if exists seen')
  await query(
    'create table seen (id bigserial, grp text, n int, partition int, at bigint, version int, generation int)',
  )
  await query('drop schema if exists holdfast cascade')
})

describe('a replay that reprocesses', () => {
  it.each([false, true])(
    'hazard 61: runs a day again, once and in order, with live events coming in, as a model says (in batches: %s)',
    async batch => {
      const handler: Handler = {
        version: 1,
        before: n => {
          if (n % 50 === 1 && handler.version === 1) throw new TypeError('dead by the first handler')
          if (n % 60 === 2 && handler.version === 2) throw new TypeError('dead by the second')
        },
      }
      const shop = await started(handler, batch)
      await publish(shop, upTo(100)) // of the day before
      const from = await nextMoment()
      await publish(shop, upTo(400, 100))
      const to = await nextMoment()
      await publish(shop, upTo(450, 400)) // of the day after
      await caughtUp(shop)
      const first = (n: number): boolean => n % 50 !== 1
      const then = upTo(450).filter(first)
      await until('what waited behind a dead one has its end', async () => {
        return (await rows('a')).length >= then.length
      })
      expect(numbers(await rows('a'))).toEqual(then)

      handler.version = 2
      const plan = await shop.replay('a', { from, to, mode: 'reprocess', dryRun: true })
      expect(plan).toMatchObject({ mode: 'reprocess', counts: { events: 300, missing: 294, left: 6 } })
      expect(plan.types).toMatchObject({ placed: { events: 300 } })
      const before = await shop.system.groups.committed('a')
      let positions = new Map(before.map(one => [one.partition, one.offset]))
      let wentBack = 0
      const watching = setInterval(() => {
        void shop.system.groups.committed('a').then(now => {
          for (const one of now) if (one.offset < (positions.get(one.partition) ?? 0n)) wentBack += 1
          positions = new Map(now.map(one => [one.partition, one.offset]))
        })
      }, 20)
      onTestFinished(() => clearInterval(watching))
      const job = await shop.replay('a', { from, to, mode: 'reprocess', reason: 'ticket 7' })
      const live = publish(shop, upTo(700, 450))
      const ended = await job.done
      expect(ended).toMatchObject({ state: 'done', mode: 'reprocess', reason: 'ticket 7' })
      await live
      await caughtUp(shop)
      const second = (n: number): boolean => n % 60 !== 2
      const redone = upTo(400, 100).filter(second)
      const others = [...upTo(100), ...upTo(450, 400)].filter(first)
      const later = upTo(700, 450).filter(second)
      const count = redone.length + others.length + later.length
      await until('every event has its end', async () => (await rows('a')).length >= count)
      const found = await rows('a')
      expect(numbers(found.filter(({ generation }) => generation === 1)), 'what the model says').toEqual(
        redone,
      )
      expect(numbers(found.filter(({ generation }) => generation === 0))).toEqual([...others, ...later])
      expect(found.filter(({ generation }) => generation === 1).every(({ version }) => version === 2)).toBe(
        true,
      )
      expectOrdered(found.filter(({ version }) => version === 2))
      const { applied, died, left } = ended.counts
      expect(applied + died + left, 'each has its place').toBe(300)
      expect(numbers(await rows('b')), 'another group sees nothing of it').toEqual(upTo(700))
      expect(wentBack).toBe(0)

      const letters = await toArray(shop.dead('a').list({ status: 'all' }))
      const ofStatus = (status: string): number[] =>
        letters
          .filter(letter => letter.status === status)
          .map(letter => (JSON.parse(Buffer.from(letter.value ?? []).toString()) as { n: number }).n)
          .toSorted((a, b) => a - b)
      expect(ofStatus('superseded')).toEqual(upTo(400, 100).filter(n => !first(n)))
      expect(ofStatus('died')).toEqual(
        [
          ...upTo(100).filter(n => !first(n)),
          ...upTo(700, 100).filter(n => !second(n) && (n < 400 || n >= 450)),
          ...upTo(450, 400).filter(n => !first(n)),
        ].toSorted((a, b) => a - b),
      )
      observed(
        `${redone.length} of 700 run again with 250 live ones beside; ${ofStatus('superseded').length} letters superseded`,
      )
    },
  )
})
