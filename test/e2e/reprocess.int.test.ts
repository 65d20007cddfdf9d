import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { app, type App } from '../../src/index.ts'
import { seededRandom } from '../../src/event/index.ts'
import { fillsOrders as orders, type RedoesOptions } from '../apps/fills-orders.ts'
import { movesLog } from '../apps/moves-log.ts'
import type { Child } from '../harness/child.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { testDatabase } from '../postgres.ts'
import { describeOn, type SharedTestLog } from '../support/test-logs.ts'
import { endOf, startReplayChild } from './replay-child.ts'

const database = testDatabase()
const COUNT = 300
const LIVE = 120

interface Row {
  readonly n: number
  readonly version: number
  readonly generation: number
}

/** In the order in which their transactions began to write. */
async function rows(): Promise<Row[]> {
  const found = await database.query('select n, version, generation from redone order by id')
  return found.map(row => ({
    n: Number(row['n']),
    version: Number(row['version']),
    generation: Number(row['generation']),
  }))
}

const customerOf = (n: number): string => `c${n % 7}`
const upTo = (to: number, from = 0): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const numbers = (found: readonly Row[]): number[] => found.map(({ n }) => n).toSorted((a, b) => a - b)

interface Shop {
  /** In this process; it has no groups. */
  readonly sender: App<false>
  readonly start: (options: Pick<RedoesOptions, 'version' | 'ask' | 'holdAfter'>) => Promise<Child>
  readonly publish: (ns: readonly number[]) => Promise<void>
}

/** A log of which a handler that was wrong has done everything. */
async function doneWrongly(on: SharedTestLog): Promise<Shop> {
  const place = await on.place({ sessionMs: 2_000, beatMs: 200 })
  const start: Shop['start'] = options => {
    const given: RedoesOptions = { ...place, database: database.url, ...options }
    return startReplayChild('redoes', given)
  }
  const sender = app({ name: 'sender', log: movesLog(place) })
  await sender.start()
  onTestFinished(() => sender.stop())
  const publish: Shop['publish'] = async ns => {
    await Promise.all(
      [...Map.groupBy(ns, customerOf).values()].map(async ofOne => {
        for (const n of ofOne) await sender.publish(orders, 'placed', { customer: customerOf(n), n })
      }),
    )
  }
  await publish(upTo(COUNT))
  const wrong = await start({ version: 1, ask: false })
  await until('everything was done', async () => {
    const committed = await sender.system.groups.committed('a')
    const isPast = committed.reduce((sum, one) => sum + Number(one.offset), 0) === COUNT
    return isPast && (await rows()).length === COUNT
  })
  await wrong.terminate()
  return { sender, start, publish }
}

/** Everything once, in order: the range in its new generation, and what came meanwhile behind it. */
async function expectDoneOnce(): Promise<void> {
  await until('everything has its end', async () => (await rows()).length >= COUNT + LIVE)
  const found = await rows()
  expect(numbers(found)).toEqual(upTo(COUNT + LIVE))
  expect(
    found.every(({ version }) => version === 2),
    'nothing of before is left',
  ).toBe(true)
  expect(numbers(found.filter(({ generation }) => generation === 1))).toEqual(upTo(COUNT))
  for (const [customer, ofOne] of Map.groupBy(found, ({ n }) => customerOf(n))) {
    // What had come and was done before its partition was told of the range; everything newer waits for its end.
    const begins = ofOne.findIndex(({ generation }) => generation === 1)
    for (const part of [ofOne.slice(0, begins), ofOne.slice(begins)])
      expect([customer, part.map(({ n }) => n)]).toEqual([customer, numbers(part)])
  }
}

beforeEach(async () => {
  await database.query('drop table if exists redone')
  await database.query(
    'create table redone (id bigserial, n int, partition int, at bigint, version int, generation int)',
  )
  await database.query('drop schema if exists holdfast cascade')
})

describeOn(['embedded'], 'a reprocess whose process goes in the middle, with live events coming in', on => {
  it.each(scale({ short: [1], long: Array.from({ length: 30 }, (_, i) => i) }))(
    'hazard 61: is gone on with by the next when it is killed, in its reset too, and everything is applied once and in order: %i',
    async run => {
      const random = seededRandom(seed * 100 + run)
      const { start, publish, sender } = await doneWrongly(on)
      let child = await start({ version: 2, ask: true })
      const live = publish(upTo(COUNT + LIVE, COUNT))
      await child.line(/^resetting$/)
      const kills = [(await child.kill()).signal]
      expect(
        (await rows()).filter(({ version }) => version === 1).length,
        'the reset was rolled back',
      ).toBeGreaterThan(0)
      const seen: number[] = []
      for (let i = 0; i < 3; i++) {
        child = await start({ version: 2, ask: false, holdAfter: 5 + Math.floor(random() * 60) })
        await child.line(/^holding$/)
        kills.push((await child.kill()).signal)
        seen.push((await rows()).filter(({ generation }) => generation === 1).length)
      }
      child = await start({ version: 2, ask: false })
      expect(kills).toEqual(Array(4).fill('SIGKILL'))
      expect(seen.at(-1), 'in the middle of it').toBeLessThan(COUNT)
      await live
      expect((await endOf(child)).state).toBe('done')
      await expectDoneOnce()
      const committed = await sender.system.groups.committed('a')
      expect(committed.reduce((sum, one) => sum + Number(one.offset), 0)).toBeGreaterThanOrEqual(COUNT)
      observed(
        `killed in its reset and after ${seen.join(', ')} of ${COUNT} done again; every effect once, in order`,
      )
    },
    180_000,
  )

  it('hazard 61: is taken over when it stands still, and the former owner does nothing more when it wakes', async () => {
    const { start, publish } = await doneWrongly(on)
    const child = await start({ version: 2, ask: true, holdAfter: 20 })
    const live = publish(upTo(COUNT + LIVE, COUNT))
    await child.line(/^holding$/)
    await child.freeze()
    const done = (await rows()).filter(({ generation }) => generation === 1).length
    expect(done, 'in the middle of it').toBeLessThan(COUNT)
    const next = await start({ version: 2, ask: false })
    // One that was stopped within a write of the log holds everybody up until it goes on.
    const isTaken = await Promise.race([
      next.line(/^did /).then(() => true),
      new Promise<false>(resolve => setTimeout(() => resolve(false), 15_000)),
    ])
    await child.thaw()
    await live
    const states = await Promise.all([child, next].map(async one => (await endOf(one)).state))
    expect(states).toEqual(['done', 'done'])
    await expectDoneOnce()
    observed(
      `stopped after ${done} of ${COUNT}; ${isTaken ? 'taken over meanwhile' : 'it held the log'}; every effect once, in order`,
    )
  }, 180_000)
})
