import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/harness/until.ts'
import { anyLog } from '../../../test/support/test-logs.ts'
import { toArray } from '../../../test/support/wait.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../app.ts'
import { groupResume } from './group-pause.ts'
import { circuitClose, circuitList, circuitOpen, circuitShow } from './circuits.ts'
import type { Answer, Intent, Operation, OperationHost } from './operation.ts'
import { perform } from './perform.ts'
import { topicAlter, topicCreate } from './topic-change.ts'
import { topicDelete } from './topic-delete.ts'
import { topicDescribe } from './topic-describe.ts'
import { topicList } from './topic-list.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

const actor = { name: 'ada', role: 'admin' } as const
const signal = new AbortController().signal
const execute = { execute: true, reason: 'ticket 7' }

function call<In extends object, Out extends object>(
  host: OperationHost,
  operation: Operation<In, Out>,
  input: In,
  intent: Intent = {},
): Promise<Answer<Out>> {
  return perform(host, { operation, input, actor, signal, ...intent })
}

async function shop(): Promise<{ a: App<boolean>; host: OperationHost }> {
  const a = app({ name: 'shop', log: anyLog() })
  a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
  await a.start()
  onTestFinished(() => a.stop())
  for (let n = 0; n < 3; n++) await a.publish(orders, 'placed', { customer: 'c', n })
  await until('all is committed', async () =>
    (await a.system.groups.committed('billing')).some(p => p.offset === 3n),
  )
  return { a, host: a.admin.host() }
}

describe('topics', () => {
  it('are listed without those of Holdfast itself, unless these are asked for', async () => {
    const { host } = await shop()
    const { topics } = await call(host, topicList, { withLag: true })
    expect(topics).toMatchObject([
      {
        topic: 'orders',
        partitions: 1,
        events: 3,
        retentionMs: 604_800_000,
        groups: [{ group: 'billing', lag: 0 }],
      },
    ])
    const all = await call(host, topicList, { all: true })
    expect(all.topics.map(one => one.topic)).toContain('orders.billing.dead')
  })

  it('are described with their partitions; one that is not there is named with those that are', async () => {
    const { host } = await shop()
    const { parts } = await call(host, topicDescribe, { topic: 'orders' })
    expect(parts).toEqual([{ partition: 0, start: '0', end: '3', bytes: null }])
    await expect(call(host, topicDescribe, { topic: 'order' })).rejects.toMatchObject({
      code: 'LOG_TOPIC_UNKNOWN',
      detail: expect.stringContaining('orders') as string,
    })
  })

  it('are made once, and get more partitions together with their lanes and letters', async () => {
    const { a, host } = await shop()
    expect(await call(host, topicCreate, { topic: 'made', partitions: 2, retain: '1h' })).toMatchObject({
      partitions: 2,
      retentionMs: 3_600_000,
    })
    await expect(call(host, topicCreate, { topic: 'made' })).rejects.toMatchObject({
      code: 'LOG_TOPIC_EXISTS',
    })
    const preview = await call(host, topicAlter, { topic: 'orders', partitions: 3 })
    expect(preview.consequences.join()).toContain('keys move to other partitions')
    expect(await a.system.log.topics.describe('orders')).toMatchObject({ partitions: 1 })
    await call(host, topicAlter, { topic: 'orders', partitions: 3 }, execute)
    expect(await a.system.log.topics.describe('orders')).toMatchObject({
      partitions: 3,
      retentionMs: 604_800_000,
    })
    for (const own of ['orders.billing.dead', 'orders.billing.retry'])
      expect(await a.system.log.topics.describe(own)).toMatchObject({ partitions: 3 })
    // The group that runs reads the new ones too.
    for (let n = 0; n < 20; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    expect((await a.system.log.bounds({ topic: 'orders', partition: 2 })).end).toBeGreaterThan(0n)
    await until('all partitions are committed to their ends', async () => {
      const committed = await a.system.groups.committed('billing')
      const ends = await Promise.all(
        committed.map(async one => (await a.system.log.bounds(one)).end === one.offset),
      )
      return committed.length === 3 && ends.every(Boolean)
    })
  })

  it('say before their retention is shortened how many events go', async () => {
    const { a, host } = await shop()
    await until('they are older than a millisecond', async () => {
      const { deleted } = await call(host, topicAlter, { topic: 'orders', retain: '1ms' })
      return deleted === 3
    })
    expect(await a.system.log.topics.describe('orders')).toMatchObject({ retentionMs: 604_800_000 })
  })

  it('are deleted only while nobody reads them, and never those of Holdfast', async () => {
    const { a, host } = await shop()
    expect(await call(host, topicDelete, { topic: 'orders' })).toMatchObject({ executed: false, deleted: 3 })
    await expect(call(host, topicDelete, { topic: 'orders' }, execute)).rejects.toMatchObject({
      code: 'GROUP_ACTIVE',
    })
    for (const own of ['hf.audit', 'orders.billing.dead', 'orders.billing.retry'])
      await expect(call(host, topicDelete, { topic: own }, execute)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      })
    await a.group('billing').pause('to delete its topic')
    await call(host, topicDelete, { topic: 'orders' }, execute)
    expect(await a.system.log.topics.list()).not.toContain('orders')
  })

  it('that are deleted and made again are new to their groups: events run, and those that die have letters', async () => {
    const log = anyLog()
    const ran: number[] = []
    const start = async (): Promise<App<boolean>> => {
      const a = app({ name: 'shop', log })
      a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', ({ data }) => {
        ran.push(data.n)
        throw new Error('broken here')
      })
      await a.start()
      onTestFinished(() => a.stop())
      return a
    }
    const letters = async (a: App<boolean>): Promise<readonly (string | undefined)[]> =>
      (await toArray(a.dead('billing').list())).map(({ eventId }) => eventId)

    const before = await start()
    const old = await before.publish(orders, 'placed', { customer: 'c', n: 0 })
    await until('it is dead', async () => (await letters(before)).includes(old.id))
    await before.group('billing').pause('to delete its topic')
    const host = before.admin.host()
    const { consequences } = await call(host, topicDelete, { topic: 'orders' })
    expect(consequences[1]).toContain(
      'billing loses its position in it, 0 events that wait for a retry and 1 open dead',
    )
    expect(await letters(before)).toEqual([old.id])
    await call(host, topicDelete, { topic: 'orders' }, execute)
    expect((await before.system.log.topics.list()).filter(name => name.startsWith('orders'))).toEqual([])
    await before.stop()

    const after = await start()
    await after.group('billing').resume()
    const { id } = await after.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until('it is dead', async () => (await letters(after)).includes(id))
    expect(await letters(after)).toEqual([id])
    expect(ran).toEqual([0, 1])
  })

  it('that are deleted beside an app that runs are forgotten by it, and made again when their group goes on', async () => {
    const log = anyLog()
    const a = app({ name: 'shop', log })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', ({ data }) => {
      throw data.n === 0 ? new RangeError('first') : new TypeError('later')
    })
    // Hears of no decision.
    const collector = app({ name: 'shop', log })
    await a.start()
    await collector.start({ roles: ['collector'] })
    for (const one of [a, collector]) onTestFinished(() => one.stop())
    const seen = async (one: App<boolean>): Promise<readonly (string | undefined)[]> =>
      (await toArray(one.dead('billing').list({ cause: 'TypeError' }))).map(({ eventId }) => eventId)
    const dies = async (n: number): Promise<string> => {
      const { log } = a.system
      const at = { topic: 'orders.billing.dead', partition: 0 }
      const { end } = await log.bounds(at)
      const { id } = await a.publish(orders, 'placed', { customer: 'c', n })
      await until('it is dead', async () => (await log.bounds(at)).end > end)
      return id
    }
    const deleted = async (): Promise<void> => {
      await a.group('billing').pause('to delete its topic')
      await call(a.admin.host(), topicDelete, { topic: 'orders' }, execute)
    }
    const resumed = async (): Promise<void> => {
      await call(a.admin.host(), groupResume, { group: 'billing' })
      const { groups } = a.system
      await until('it is a member', async () => (await groups.describe('billing')).members.length > 0)
    }
    await dies(0)
    // All are read: a page would be read anew each time.
    for (const one of [a, collector]) expect(await one.dead('billing').stats()).toMatchObject({ open: 1 })
    await deleted()
    await resumed()
    // As many as before: by their number alone nobody could tell them apart.
    const id = await dies(1)
    expect(await seen(a)).toEqual([id])
    expect((await a.groups()).map(({ deadLetters }) => deadLetters)).toEqual([1])
    await deleted()
    expect(await collector.dead('billing').stats()).toMatchObject({ open: 0 })
    await resumed()
    for (const n of [2, 3]) await dies(n)
    expect(await collector.dead('billing').stats()).toMatchObject({ open: 2 })
    await deleted()
    await resumed()
    const last = await dies(4)
    expect(await seen(collector)).toEqual([last])
  })
})

describe('circuit breakers', () => {
  it('are listed, opened for a time and closed; each with who did it and why', async () => {
    const { host } = await shop()
    const { circuits } = await call(host, circuitList, {})
    const [name = ''] = circuits.map(one => one.name)
    expect(circuits).toMatchObject([{ name: 'billing-calls', state: 'CLOSED' }])
    await call(host, circuitOpen, { name, for: '10m' }, { reason: 'the mail service moves' })
    expect(await call(host, circuitShow, { name })).toMatchObject({
      state: 'OPEN',
      reason: 'opened by ada: the mail service moves',
    })
    expect(await call(host, circuitClose, { name })).toMatchObject({ state: 'CLOSED' })
    await expect(call(host, circuitShow, { name: 'mail' })).rejects.toMatchObject({ code: 'CIRCUIT_UNKNOWN' })
  })

  it('are known only to a process, and a command on the log says so', async () => {
    const { host } = await shop()
    const command = { ...host, app: undefined }
    await expect(call(command, circuitList, {})).rejects.toMatchObject({ code: 'PROCESS_NEEDED' })
  })
})
