import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { othersTurn, silentLogger } from '../event/index.ts'
import { app } from '../server/app.ts'
import { topic } from '../schema/index.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

describe('a group over its life', () => {
  it('hazard 39: a handler that never comes back holds only its key, leaves a letter, and ends the process', async () => {
    const a = app({ name: 'test', log: anyLog(), stuckAfter: '100ms' })
    const seen: number[] = []
    a.consumer('billing', orders, { from: 'earliest', deadline: '3s', concurrency: 4 }).on(
      'placed',
      async e => {
        if (e.data.n === 7) await new Promise(() => {})
        seen.push(e.data.n)
      },
    )
    await a.start()
    for (let n = 0; n < 100; n++) await a.publish(orders, 'placed', { customer: `c${n % 10}`, n })
    const error = await a.failed
    expect(error.code).toBe('HANDLER_STUCK')
    // 7, 17, 27, … are of the stuck key: it waited, and goes on behind the letter. The others never noticed.
    await until(() => seen.length === 99)
    expect(seen.filter(n => n % 10 === 7)).toEqual([17, 27, 37, 47, 57, 67, 77, 87, 97])
    const letters = await toArray(a.dead('billing').list())
    expect(letters.map(letter => letter.reason)).toEqual(['stuck'])
    await a.stop()
  })

  it('a handler that overruns its deadline and comes back is tried again, one at a time', async () => {
    const a = app({ name: 'test', log: anyLog(), stuckAfter: '60s' })
    let running = 0
    let most = 0
    const attempts: number[] = []
    a.consumer('billing', orders, { from: 'earliest', deadline: '1s', retry: ['1ms', '1ms'] }).on(
      'placed',
      async (e, ctx) => {
        attempts.push(e.attempt)
        most = Math.max(most, ++running)
        // Heeds the signal late.
        if (e.attempt < 3)
          await new Promise(resolve => ctx.signal.addEventListener('abort', () => setTimeout(resolve, 50)))
        running -= 1
      },
    )
    await a.start()
    await a.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    expect(attempts).toEqual([1, 2, 3])
    expect(most).toBe(1)
    expect(await toArray(a.dead('billing').list())).toEqual([])
    await a.stop()
  })

  it('stop lets what runs finish, commits it, and starts nothing new', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const gate = Promise.withResolvers<void>()
    const began: number[] = []
    a.consumer('billing', orders, { from: 'earliest', concurrency: 3 }).on('placed', async e => {
      began.push(e.data.n)
      await gate.promise
    })
    await a.start()
    const { groups } = a.system
    for (let n = 0; n < 20; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    await until(() => began.length === 3)
    const positions = groups.committed('billing')
    expect((await positions).map(one => one.offset)).toEqual([0n])
    const committed: bigint[] = []
    const original = groups.commit.bind(groups)
    groups.commit = async (group, commits) => {
      committed.push(...commits.map(one => one.offset))
      return original(group, commits)
    }
    const stopped = a.stop({ drain: '60s' })
    await othersTurn() // the group has heard of it before a handler ends
    gate.resolve()
    await stopped
    expect(began).toEqual([0, 1, 2])
    expect(committed).toEqual([3n])
  })

  it('hazard 49: stop gives up on what does not finish, and claims nothing for it', async () => {
    const a = app({ name: 'test', log: anyLog() })
    let aborted = 0
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', async (_, ctx) => {
      ctx.signal.addEventListener('abort', () => (aborted += 1))
      await new Promise(() => {})
    })
    await a.start()
    await a.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until(async () => (await a.groups())[0]?.partitions[0]?.inFlight === 1)
    const { groups } = a.system
    let last: bigint | undefined
    const original = groups.commit.bind(groups)
    groups.commit = async (group, commits) => {
      last = commits.at(-1)?.offset
      return original(group, commits)
    }
    await a.stop({ drain: '20ms' })
    expect(aborted).toBe(1)
    expect(last).toBe(0n)
  })

  it('keeps memory bounded: intake pauses when events in flight reach the bound', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const gate = Promise.withResolvers<void>()
    a.consumer('billing', orders, { from: 'earliest', maxInFlight: 100 }).on('placed', () => gate.promise)
    await a.start()
    // Of few keys: what waits behind its key counts until the bound.
    for (let n = 0; n < 2_000; n++) await a.publish(orders, 'placed', { customer: `c${n % 4}`, n })
    let most = 0
    await until(async () => {
      most = Math.max(most, (await a.groups())[0]?.partitions[0]?.inFlight ?? 0)
      return most >= 100
    })
    // One page may overshoot; the backlog is 2,000.
    expect(most).toBeLessThanOrEqual(100 + 500)
    gate.resolve()
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    await a.stop()
  })

  it('takes in no more than can soon begin, however much may be in flight', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const gate = Promise.withResolvers<void>()
    a.consumer('billing', orders, { from: 'earliest', maxInFlight: 10_000, concurrency: 4 }).on(
      'placed',
      () => gate.promise,
    )
    await a.start()
    const backlog = Array.from({ length: 5_000 }, (_, n) => ({ customer: `c${n}`, n }))
    await Promise.all(backlog.map(data => a.publish(orders, 'placed', data)))
    const inFlight = async (): Promise<number> => (await a.groups())[0]?.partitions[0]?.inFlight ?? 0
    await until(async () => (await inFlight()) >= 8)
    // Every key is free to run, but there are four places: one page of those that wait for them is enough.
    expect(await inFlight()).toBeLessThanOrEqual(8 + 500)
    gate.resolve()
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    await a.stop()
  })

  it('lets everything else of the process have its turn while it works through a backlog', async () => {
    const a = app({ name: 'test', log: anyLog() })
    let handled = 0
    let handledAtFirstTurn: number | undefined
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {
      if (handled++ === 0) setImmediate(() => (handledAtFirstTurn = handled))
    })
    await a.start()
    await a.group('billing').pause('they gather')
    const backlog = Array.from({ length: 5_000 }, (_, n) => ({ customer: `c${n}`, n }))
    await Promise.all(backlog.map(data => a.publish(orders, 'placed', data)))
    await a.group('billing').resume()
    await until(() => handled === 5_000)
    // After one page, not after the last event.
    expect(handledAtFirstTurn).toBeLessThanOrEqual(1_000)
    await a.stop()
  })

  it('hazard 21: a group that retention overtook stops, counts what it lost, and goes on only when somebody decides', async () => {
    const decisions: unknown[] = []
    const logger = {
      ...silentLogger,
      warn: (facts: object) => void ('lost' in facts && decisions.push(facts)),
    }
    const a = app({ name: 'test', log: anyLog(), logger })
    const seen: number[] = []
    a.consumer('billing', topic('short', { ...shortTopic, retain: '1ms' }), { from: 'earliest' }).on(
      'placed',
      e => void seen.push(e.data.n),
    )
    const short = topic('short', { ...shortTopic, retain: '1ms' })
    await a.start()
    await until(async () => (await a.groups())[0]?.state === 'running')
    await a.group('billing').pause('slow reader')
    await a.publish(short, 'placed', { customer: 'c', n: -1 })
    for (let n = 0; n < 50; n++) await a.publish(short, 'placed', { customer: 'c', n })
    // Retention keeps what is younger than a millisecond.
    await until(async () => {
      await a.system.log.enforceRetention?.(new AbortController().signal)
      return (await a.system.log.bounds({ topic: 'short', partition: 0 })).start > 5n
    })
    const { start } = await a.system.log.bounds({ topic: 'short', partition: 0 })
    await a.group('billing').resume()
    await until(async () => (await a.groups())[0]?.state === 'stopped')
    const [group] = await a.groups()
    expect(group?.reason).toContain('no longer, or not yet, in the log')
    const before = seen.length
    await a.publish(short, 'placed', { customer: 'c', n: 1_000 })
    const [position] = await a.system.groups.committed('billing')
    const tenure = position?.note?.split(' ')[2]?.split('.')[0] ?? 'none'
    expect(await a.group('billing').acceptLoss('ticket 7')).toBe(1)
    const [kept] = await a.system.groups.committed('billing')
    expect(kept?.note).toContain(tenure)
    const lost = { from: String(before), to: String(start), reason: 'ticket 7' }
    expect(decisions).toEqual([{ group: 'billing', partition: 'short/0', lost }])
    await until(async () => (await a.groups()).every(one => one.lag === 0n && one.parked === 0))
    // Everything is accounted for: applied, or counted as lost.
    expect(seen.length + Number(start) - before).toBe(52)
    await a.stop()
  })
})

const shortTopic = {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
} as const
