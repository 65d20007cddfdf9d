import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { anyLog } from '../../test/support/test-logs.ts'
import { toArray, until } from '../../test/support/wait.ts'
import { systemClock } from '../event/index.ts'
import { app } from '../server/app.ts'
import { topic } from '../schema/index.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 4,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

describe('a consumer group', () => {
  it('runs every event once it is published, in the order of its key, and commits behind it', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const seen = new Map<string, number[]>()
    a.consumer('billing', orders, { from: 'earliest', concurrency: 8 }).on('placed', async e => {
      await new Promise(resolve => systemClock.after(Math.random() * 3, () => resolve(undefined)))
      seen.set(e.data.customer, [...(seen.get(e.data.customer) ?? []), e.data.n])
    })
    await a.start()
    for (let n = 0; n < 300; n++) await a.publish(orders, 'placed', { customer: `c${n % 7}`, n })
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    expect([...seen.values()].flat().length).toBe(300)
    for (const numbers of seen.values()) expect(numbers).toEqual(numbers.toSorted((x, y) => x - y))
    await until(async () => {
      const committed = await a.system.groups.committed('billing')
      return committed.reduce((sum, one) => sum + one.offset, 0n) === 300n
    })
    await a.stop()
  })

  it('publishes from a handler into a topic that nobody has used yet', async () => {
    const notes = topic('notes', {
      key: 'customer',
      events: { noted: z.object({ customer: z.string() }) },
    })
    const a = app({ name: 'test', log: anyLog() })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', async (e, context) => {
      await context.publish(notes, 'noted', { customer: e.data.customer })
    })
    await a.start()
    await a.publish(orders, 'placed', { customer: 'c', n: 0 })
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    expect(await toArray(a.dead('billing').list())).toEqual([])
    expect(await a.system.log.topics.describe('notes')).toBeDefined()
    await a.stop()
  })

  it('retries in place, holding back only the key, and then writes a whole dead letter', async () => {
    const a = app({ name: 'test', log: anyLog() })
    const runs: string[] = []
    a.consumer('billing', orders, { from: 'earliest', retry: ['10ms', '10ms'] }).on('placed', e => {
      runs.push(`${e.data.customer}${e.data.n}/${e.attempt}`)
      if (e.data.customer === 'bad' && e.data.n === 0) throw new RangeError('cents')
    })
    await a.start()
    await a.publish(orders, 'placed', { customer: 'bad', n: 0 }, { id: 'poison' })
    await a.publish(orders, 'placed', { customer: 'bad', n: 1 })
    await a.publish(orders, 'placed', { customer: 'good', n: 2 })
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    expect(runs.filter(run => run.startsWith('bad'))).toEqual(['bad0/1', 'bad0/2', 'bad0/3', 'bad1/1'])
    expect(runs.filter(run => run.startsWith('good'))).toEqual(['good2/1'])
    const letters = await toArray(a.dead('billing').list())
    expect(letters).toHaveLength(1)
    expect(letters[0]).toMatchObject({
      eventId: 'poison',
      reason: 'attempts',
      attempts: 3,
      topic: 'orders',
      last: { name: 'RangeError', message: 'cents' },
    })
    expect(JSON.parse(Buffer.from(letters[0]?.value ?? []).toString())).toEqual({ customer: 'bad', n: 0 })
    await a.stop()
  })
})
