import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { keptOpen } from '../../test/support/kept-open.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { memory } from '../drivers/memory/index.ts'
import {
  encodeEvent,
  HoldfastError,
  silentLogger,
  systemClock,
  systemRandom,
  type NewRecord,
} from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import { recordBytes } from '../log/limits.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from '../server/app.ts'
import type { PartitionStatus } from './status.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number(), note: z.string().optional() }) },
})

/** One log for several processes, one after another. */
let system: LogSystem
const apps: App<false>[] = []

beforeEach(async () => {
  system = await anyLog().open({ clock: systemClock, random: systemRandom, logger: silentLogger })
})

afterEach(async () => {
  for (const one of apps.splice(0)) await one.stop({ drain: '0ms' })
  await system.close()
})

function make(): App<false> {
  const made = app({ name: 'shop', log: keptOpen(system) })
  apps.push(made)
  return made
}

async function place(
  a: App<false>,
  ...events: readonly (readonly [customer: string, n: number])[]
): Promise<void> {
  for (const [customer, n] of events) await a.publish(orders, 'placed', { customer, n })
}

async function parked(a: App<false>): Promise<number | undefined> {
  return (await a.groups())[0]?.parked
}

async function allIsDone(a: App<false>): Promise<boolean> {
  return (await a.groups()).every(one => one.lag === 0n && one.parked === 0)
}

describe('an event that failed', () => {
  it('goes on in the next process with its next attempt, and no later event of its key overtakes it', async () => {
    const ran: string[] = []
    const declare = (a: App<false>, name: string, fails: boolean): void => {
      a.consumer('billing', orders, { from: 'earliest', retry: ['200ms', '1h'] }).on('placed', e => {
        ran.push(`${name} ${e.data.customer}${e.data.n}/${e.attempt}`)
        if (fails && e.data.n === 0) throw new Error('not now')
      })
    }
    const first = make()
    declare(first, 'first', true)
    await first.start()
    await place(first, ['a', 0], ['a', 1], ['b', 2])
    await until(async () => (await parked(first)) === 2 && ran.includes('first b2/1'))
    await first.stop()
    const [position] = await system.groups.committed('billing')
    expect(position?.offset).toBe(3n)

    const second = make()
    declare(second, 'second', false)
    await second.start()
    await place(second, ['a', 3])
    await until(() => allIsDone(second))
    expect(ran.filter(run => run.includes(' a'))).toEqual([
      'first a0/1',
      'second a0/2',
      'second a1/1',
      'second a3/1',
    ])
  })

  it('holds back nobody where no order is asked for', async () => {
    const a = make()
    const done: number[] = []
    a.consumer('billing', orders, { from: 'earliest', order: 'none', retry: ['1h'] }).on('placed', e => {
      if (e.data.n === 0) throw new Error('not now')
      done.push(e.data.n)
    })
    await a.start()
    await place(a, ['a', 0], ['a', 1], ['a', 2])
    await until(async () => done.length === 2 && (await parked(a)) === 1)
    expect(done).toEqual([1, 2])
    expect((await a.groups())[0]?.lag).toBe(0n)
  })

  it('keeps the rest of a partition that is one queue in the topic', async () => {
    const a = make()
    const done: number[] = []
    let mended = false
    a.consumer('billing', orders, { from: 'earliest', order: 'partition', retry: ['50ms', '50ms', '1h'] }).on(
      'placed',
      e => {
        if (e.data.n === 0 && !mended) throw new Error('not now')
        done.push(e.data.n)
      },
    )
    await a.start()
    await place(a, ['a', 0], ['b', 1], ['c', 2])
    await until(async () => (await parked(a)) === 1)
    expect(await a.groups()).toMatchObject([{ lag: 2n, parked: 1 }])
    expect(done).toEqual([])
    mended = true
    await until(() => allIsDone(a))
    expect(done).toEqual([0, 1, 2])
  })

  it('whose key is held keeps the later ones of it waiting until somebody decides, over a restart too', async () => {
    const done: string[] = []
    let mended = false
    const declare = (a: App<false>): void => {
      a.consumer('billing', orders, { from: 'earliest', retry: [], whenDead: 'hold' }).on('placed', e => {
        if (e.data.n === 0 && !mended) throw new Error('broken')
        done.push(`${e.data.customer}${e.data.n}`)
      })
    }
    const first = make()
    declare(first)
    await first.start()
    await place(first, ['a', 0], ['a', 1], ['b', 2])
    const letters = async (a: App<false>): Promise<number> => (await toArray(a.dead('billing').list())).length
    await until(async () => (await letters(first)) === 1 && done.length === 1)
    expect(done).toEqual(['b2'])
    await first.stop()

    const second = make()
    declare(second)
    await second.start()
    await place(second, ['a', 3])
    await until(async () => (await parked(second)) === 3)
    expect(done).toEqual(['b2'])
    mended = true
    expect(await second.dead('billing').replay({}, { reason: 'mended' })).toMatchObject({ resolved: 1 })
    await until(() => allIsDone(second))
    expect(done).toEqual(['b2', 'a0', 'a1', 'a3'])
  })

  it('and as many others as may wait: the partition takes no more in, says so, and goes on when one is through', async () => {
    const a = make()
    let mended = false
    let mostAttempts = 0
    const done: number[] = []
    a.consumer('billing', orders, {
      from: 'earliest',
      retry: Array.from({ length: 1_000 }, () => '300ms' as const),
      maxParked: 10,
    }).on('placed', e => {
      mostAttempts = Math.max(mostAttempts, e.attempt)
      if (!mended) throw new Error('not now')
      done.push(e.data.n)
    })
    await a.start()
    await Promise.all(
      Array.from({ length: 1_500 }, (_, n) => a.publish(orders, 'placed', { customer: `c${n}`, n })),
    )
    // What was in flight when it was full still gets its outcome; one page may overshoot.
    await until(async () => {
      const [group] = await a.groups()
      const isFull = group?.reason?.includes('maxParked is 10') === true
      return isFull && group.partitions[0]?.inFlight === 0 && mostAttempts >= 4
    })
    const [group] = await a.groups()
    expect(group?.state).toBe('paused')
    expect(group?.parked).toBeLessThanOrEqual(10 + 500 + 500)
    expect(group?.lag).toBeGreaterThan(0n)
    mended = true
    await until(() => allIsDone(a))
    expect(done).toHaveLength(1_500)
  }, 180_000)
})

describe('an event that nearly fills its record', () => {
  const LIMIT = 8_192

  beforeEach(async () => {
    const small = memory({ maxRecordBytes: LIMIT })
    system = await small.open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  })

  /** An event whose record has so many bytes. */
  async function placeLarge(bytes: number): Promise<void> {
    const record = (note: string): NewRecord =>
      encodeEvent({
        id: 'large',
        source: '/test',
        type: 'placed',
        version: 1,
        time: undefined,
        acceptedAt: systemClock.now(),
        extensions: {},
        key: 'a',
        data: new TextEncoder().encode(JSON.stringify({ customer: 'a', n: 0, note })),
      })
    const padding = 'x'.repeat(bytes - recordBytes(record('')))
    await system.log.append('orders', [record(padding)])
  }

  it('waits for its retry, and dies, with its errors told in a few words', async () => {
    const a = make()
    const attempts: number[] = []
    a.consumer('billing', orders, { from: 'earliest', retry: ['1ms'] }).on('placed', e => {
      attempts.push(e.attempt)
      throw new Error('far too long '.repeat(100))
    })
    await a.start()
    await placeLarge(LIMIT - 1_200)
    await until(() => allIsDone(a))
    expect(attempts).toEqual([1, 2])
    const [letter] = await toArray(a.dead('billing').list())
    expect(letter).toMatchObject({ reason: 'attempts', attempts: 2 })
    expect(letter?.last.stack).toBeUndefined()
    expect(letter?.last.message.length).toBe(100)
  })

  it('stops its partition with the reason where not even that fits, and is not passed by', async () => {
    const a = make()
    let runs = 0
    a.consumer('billing', orders, { from: 'earliest', retry: ['1ms'] }).on('placed', () => {
      runs += 1
      throw new Error('not now')
    })
    await a.start()
    await placeLarge(LIMIT)
    await until(async () => (await a.groups())[0]?.state === 'stopped')
    expect(await a.groups()).toMatchObject([
      { lag: 1n, reason: expect.stringContaining('LOG_RECORD_TOO_LARGE') },
    ])
    expect(runs).toBe(1)
  })
})

describe('a retry lane of which an event cannot be read', () => {
  it('stops its partition and keeps no place: the other partitions have theirs', async () => {
    const two = topic('pairs', {
      key: 'customer',
      partitions: 2,
      events: { placed: z.object({ customer: z.string(), n: z.number() }) },
    })
    const lane = 'pairs.billing.retry'
    const { log } = system
    const read = log.read.bind(log)
    log.read = (at, limits, signal) => {
      // Who owns the lane follows it, and waits for records; who wants an event of it does not.
      if (limits.waitMs > 0 || at.topic !== lane || at.partition === 1) return read(at, limits, signal)
      throw new HoldfastError('LOG_CORRUPT', { detail: 'the test' })
    }
    const a = make()
    const done: string[] = []
    a.consumer('billing', two, { from: 'earliest', concurrency: 1, retry: ['1ms'] }).on('placed', e => {
      if (e.attempt === 1) throw new Error('not now')
      done.push(e.data.customer)
    })
    await a.start()
    const standing = async (partition: number): Promise<PartitionStatus | undefined> =>
      (await a.groups())[0]?.partitions[partition]
    const keys = Array.from({ length: 12 }, (_, n) => `c${n}`)
    while ((await standing(0))?.state !== 'stopped') {
      const customer = keys.shift() ?? 'c0'
      const { partition } = await a.publish(two, 'placed', { customer, n: 0 })
      if (partition === 0) await until(async () => (await standing(0))?.state === 'stopped')
    }
    expect((await a.groups())[0]?.reason).toContain('LOG_CORRUPT')
    const others: string[] = []
    for (const customer of keys) {
      const { partition } = await a.publish(two, 'placed', { customer, n: 0 })
      if (partition === 1) others.push(customer)
    }
    expect(others).not.toEqual([])
    await until(() => others.every(customer => done.includes(customer)))
  })
})

describe('a partition without its retry lane', () => {
  it('delivers nothing, says why, and goes on when the lane is there', async () => {
    const { topics } = system.log
    const create = topics.create.bind(topics)
    topics.create = async (name, settings) => {
      if (!name.endsWith('.retry')) await create(name, settings)
    }
    const a = make()
    const done: number[] = []
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', e => void done.push(e.data.n))
    await a.start()
    await place(a, ['a', 0])
    await until(async () => (await a.groups())[0]?.reason?.includes('orders.billing.retry') === true)
    expect(await a.groups()).toMatchObject([{ state: 'paused', lag: 1n }])
    await create('orders.billing.retry', { partitions: 1 })
    await until(() => allIsDone(a))
    expect(done).toEqual([0])
  })
})
