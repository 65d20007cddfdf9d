import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { observed } from '../../test/harness/observed.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { encodeEvent, offset, systemClock, type NewRecord } from '../event/index.ts'
import type { Log, LogDriver } from '../log/index.ts'
import type { Letter } from '../recover/index.ts'
import { decodeLaneRecord, laneTopicOf } from '../recover/lane/index.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from '../server/app.ts'

const placed = z.object({ customer: z.string(), n: z.number() })
const orders = topic('orders', { key: 'customer', partitions: 12, events: { placed } })
const single = topic('orders', { key: 'customer', partitions: 1, events: { placed } })
const LANE = laneTopicOf('orders', 'billing')

function shop(): App<false> {
  const a = app({ name: 'shop', log: anyLog() })
  onTestFinished(() => a.stop())
  return a
}

/** The ids of the events that stand in one partition of the lane. */
async function parkedIn(log: Log, partition: number): Promise<string[]> {
  const limits = { maxRecords: 1_000, maxBytes: 1_000_000, waitMs: 0 }
  const never = new AbortController().signal
  const { records } = await log.read({ topic: LANE, partition, offset: offset(0) }, limits, never)
  return records
    .map(decodeLaneRecord)
    .flatMap(record => (record.kind === 'park' ? (record.event.headers['ce_id'] ?? []) : []))
}

describe('a retry lane', () => {
  /** A log in which somebody made the lane before. */
  async function logWithLane(partitions: number): Promise<LogDriver> {
    const log = anyLog()
    const before = app({ name: 'before', log })
    await before.start()
    onTestFinished(() => before.stop())
    await before.system.log.topics.create(LANE, { partitions })
    return log
  }

  it('hazard 44: made with one partition for a topic of twelve, holds each event in the partition that it came from', async () => {
    const a = app({ name: 'shop', log: await logWithLane(1) })
    onTestFinished(() => a.stop())
    a.consumer('billing', orders, { from: 'earliest', retry: ['1h'] }).on('placed', () => {
      throw new Error('not today')
    })
    await a.start()
    // One key in every partition: by its key each event would be parked in the same one.
    const { log } = a.system
    await log.append(
      'orders',
      Array.from({ length: 24 }, (_, n) => placedIn(n % 12, n)),
    )
    await until(async () => (await a.groups())[0]?.parked === 24)
    expect((await log.topics.describe(LANE))?.partitions).toBe(12)
    for (let partition = 0; partition < 12; partition++)
      expect(await parkedIn(log, partition)).toEqual([`direct-${partition}`, `direct-${partition + 12}`])
    observed('a lane of 1 partition before and 12 at the start; 24 events of one key in their own 12')
  })

  it('hazard 44: with more partitions than its topic is refused at the start, by its name', async () => {
    const a = app({ name: 'shop', log: await logWithLane(13) })
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
    await expect(a.start()).rejects.toThrow(`topic ${LANE} has 13 partitions, and 12 are asked for`)
  })

  it('hazard 44: that has no such partition keeps its topic partition from being delivered, until it has one', async () => {
    const a = shop()
    const seen: number[] = []
    a.consumer('billing', single, { from: 'earliest' }).on('placed', event => void seen.push(event.data.n))
    await a.start()
    const { log } = a.system
    await log.topics.create('orders', { partitions: 2 })
    await log.append('orders', [placedIn(1, 7)])
    await a.publish(single, 'placed', { customer: 'c', n: 1 })
    const second = async (): Promise<string | undefined> =>
      (await a.groups())[0]?.partitions.find(({ partition }) => partition === 1)?.reason
    await until(
      async () =>
        (await second())?.includes('LOG_TOPIC_UNKNOWN') ||
        (await second())?.includes('no partition 1') ||
        false,
    )
    const why = await second()
    expect(seen).not.toContain(7)
    await log.topics.create(LANE, { partitions: 2 })
    await until(() => seen.includes(7))
    observed(`paused meanwhile: ${why}`)
  })
})

function placedIn(partition: number, n: number): NewRecord {
  const record = encodeEvent({
    id: `direct-${n}`,
    source: '/test',
    type: 'placed',
    version: 1,
    time: undefined,
    acceptedAt: systemClock.now(),
    extensions: {},
    key: 'c',
    data: new TextEncoder().encode(JSON.stringify({ customer: 'c', n })),
  })
  return { ...record, partition }
}

describe('a key with most of the load', () => {
  it('hazard 89: is alone behind itself: what comes after four fifths of it is done while it stands still', async () => {
    const a = shop()
    const stands = Promise.withResolvers<void>()
    const done: Record<'hot' | 'other', number[]> = { hot: [], other: [] }
    let hotBegun = 0
    a.consumer('billing', single, { from: 'earliest', concurrency: 2 }).on('placed', async event => {
      const isHot = event.data.customer === 'hot'
      if (isHot) hotBegun += 1
      if (isHot) await stands.promise
      done[isHot ? 'hot' : 'other'].push(event.data.n)
    })
    await a.start()
    const load = Array.from({ length: 500 }, (_, n) => ({ customer: n % 5 < 4 ? 'hot' : `c${n}`, n }))
    await Promise.all(load.map(data => a.publish(single, 'placed', data)))
    await until(() => done.other.length === 100)
    expect({ hotBegun, hotDone: done.hot.length }).toEqual({ hotBegun: 1, hotDone: 0 })
    stands.resolve()
    await until(() => done.hot.length === 400)
    expect(done.hot).toEqual(load.filter(({ customer }) => customer === 'hot').map(({ n }) => n))
    observed('400 of 500 events of one key that stands still: 100 of 100 others done, then the 400 in order')
  })
})

describe('a tenant with most of the load', () => {
  interface Load {
    readonly tenant: string
    readonly n: number
  }
  const of = (tenant: string, count: number, from = 0): Load[] =>
    Array.from({ length: count }, (_, i) => ({ tenant, n: from + i }))
  const send = async (a: App<false>, load: readonly Load[]): Promise<void> => {
    const sent = load.map(({ tenant, n }) =>
      a.publish(single, 'placed', { customer: `c${n}`, n }, { id: `${tenant}-${n}`, tenant }),
    )
    await Promise.all(sent)
  }

  it('hazard 88: takes turns with the others, however many of its events came before theirs', async () => {
    const a = shop()
    const stands = Promise.withResolvers<void>()
    const begun: string[] = []
    a.consumer('billing', single, { from: 'earliest', concurrency: 2 }).on('placed', async event => {
      begun.push(event.tenant ?? '')
      await stands.promise
    })
    await a.start()
    await a.group('billing').pause('they gather')
    // More than a page of one tenant lies between the events of the other.
    await send(a, [...of('quiet', 1), ...of('noisy', 700), ...of('quiet', 3, 1)])
    await a.group('billing').resume()
    await until(async () => (await a.groups())[0]?.partitions[0]?.inFlight === 704)
    stands.resolve()
    await until(() => begun.length === 704)
    expect(begun.lastIndexOf('quiet')).toBeLessThan(10)
    observed(
      `700 events of one tenant before 3 of another, which began as number ${begun.lastIndexOf('quiet')} at the latest`,
    )
  })

  it('hazard 88: has half of the retry lane, and what fails of it beyond that is a dead letter and keeps nobody waiting', async () => {
    const a = shop()
    const done = new Set<string>()
    a.consumer('billing', single, {
      from: 'earliest',
      retry: ['1h', '1h', '1h'],
      maxParked: 40,
      deadShare: 1,
    }).on('placed', event => {
      if (event.tenant === 'noisy' || event.data.n === 1) throw new Error('not today')
      done.add(event.id)
    })
    await a.start()
    await send(a, [...of('quiet', 2), ...of('noisy', 200), ...of('quiet', 20, 2)])
    await until(() => done.size === 21)
    const settled = async (): Promise<boolean> => {
      const [group] = await a.groups()
      if (group?.lag !== 0n || group.parked >= 40) return false
      return group.parked + (await letters()).length === 201
    }
    const letters = (): Promise<readonly Letter[]> => toArray(a.dead('billing').list())
    await until(settled)
    const dead = await letters()
    expect(new Set(dead.map(({ reason }) => reason))).toEqual(new Set(['crowded']))
    expect(dead.every(({ eventId }) => eventId?.startsWith('noisy-'))).toBe(true)
    observed(`200 events of one tenant fail: ${dead.length} letters; 21 of 21 others done`)
  })
})
