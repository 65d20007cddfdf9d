import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/harness/until.ts'
import { anyLog } from '../../../test/support/test-logs.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../app.ts'
import { groupDelete } from './group-delete.ts'
import { groupDescribe } from './group-describe.ts'
import { groupList } from './group-list.ts'
import { groupPause, groupResume } from './group-pause.ts'
import { groupReset, type GroupReset, type GroupResetInput } from './group-reset.ts'
import type { Answer, Intent, Operation } from './operation.ts'
import { perform } from './perform.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

const actor = { name: 'ada', role: 'admin' } as const
const signal = new AbortController().signal

function call<In extends object, Out extends object>(
  a: App<boolean>,
  operation: Operation<In, Out>,
  input: In,
  intent: Intent = {},
): Promise<Answer<Out>> {
  return perform(a.admin.host(), { operation, input, actor, signal, ...intent })
}

interface Shop {
  readonly a: App<boolean>
  readonly seen: number[]
}

async function shop(): Promise<Shop> {
  const a = app({ name: 'shop', log: anyLog() })
  const seen: number[] = []
  a.consumer('billing', orders, { from: 'earliest' }).on('placed', e => void seen.push(e.data.n))
  await a.start()
  onTestFinished(() => a.stop())
  return { a, seen }
}

async function publish(a: App<boolean>, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await a.publish(orders, 'placed', { customer: 'c', n })
}

/** By its commits, which follow what is done within a moment. */
async function caughtUp(a: App<boolean>): Promise<boolean> {
  const { end } = await a.system.log.bounds({ topic: 'orders', partition: 0 })
  return (await a.system.groups.committed('billing')).some(({ offset }) => offset === end)
}

describe('a group that is paused', () => {
  it('has no member and takes nothing in, until it is resumed', async () => {
    const { a, seen } = await shop()
    await publish(a, 0, 3)
    await until('it is caught up', () => caughtUp(a))
    expect(await call(a, groupPause, { group: 'billing' }, { reason: 'ticket 7' })).toMatchObject({
      members: [],
    })
    await publish(a, 3, 6)
    expect(await call(a, groupList, {})).toEqual({
      format: 1,
      groups: [
        {
          group: 'billing',
          state: 'paused',
          reason: 'paused by ada: ticket 7',
          topics: ['orders'],
          members: [],
          lag: 3,
          lagSeconds: expect.any(Number) as number,
          parked: 0,
          letters: null,
        },
      ],
      unseen: [],
    })
    // The process that has it knows as well, and keeps saying how far behind it is.
    expect(await a.groups()).toMatchObject([{ state: 'paused', lag: 3n }])
    expect(seen).toEqual([0, 1, 2])
    await call(a, groupResume, { group: 'billing' })
    await until('it is caught up', () => caughtUp(a))
    expect(seen).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('can be paused and resumed again and again', async () => {
    const { a, seen } = await shop()
    for (let round = 0; round < 5; round++) {
      await a.group('billing').pause(`round ${round}`)
      await publish(a, round, round + 1)
      await a.group('billing').resume()
    }
    await until('it is caught up', () => caughtUp(a))
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it('can be paused or resumed while its process stops', async () => {
    for (const when of ['pause', 'resume'] as const) {
      const { a } = await shop()
      if (when === 'resume') await a.group('billing').pause('before')
      const act = when === 'pause' ? a.group('billing').pause('at the end') : a.group('billing').resume()
      await Promise.all([act.catch(() => {}), a.stop()])
    }
  })

  it('is not made up: a name that nobody knows is refused', async () => {
    const { a } = await shop()
    await expect(call(a, groupPause, { group: 'biling' })).rejects.toMatchObject({ code: 'GROUP_UNKNOWN' })
  })
})

describe('a reset of positions', () => {
  async function paused(): Promise<Shop> {
    const { a, seen } = await shop()
    await publish(a, 0, 10)
    await until('it is caught up', () => caughtUp(a))
    await a.group('billing').pause('a reset')
    return { a, seen }
  }

  const reset = (
    a: App<boolean>,
    input: Omit<GroupResetInput, 'group'>,
    execute = false,
  ): Promise<GroupReset> =>
    call(a, groupReset, { group: 'billing', ...input }, execute ? { execute, reason: 'ticket 7' } : {})

  it('says first what would be read again or skipped, and changes nothing', async () => {
    const { a } = await paused()
    const tenth = (
      await a.system.log.read(
        {
          topic: 'orders',
          partition: 0,
          offset: (await a.system.log.bounds({ topic: 'orders', partition: 0 })).start,
        },
        { maxRecords: 10, maxBytes: 1_000_000, waitMs: 0 },
        signal,
      )
    ).records[9]
    const previews: readonly [Omit<GroupResetInput, 'group'>, string, number, number][] = [
      [{ toStart: true }, '0', 10, 0],
      [{ toOffset: '4' }, '4', 6, 0],
      [{ shiftBy: -3 }, '7', 3, 0],
      [{ shiftBy: -30 }, '0', 10, 0],
      [{ shiftBy: 30 }, '10', 0, 0],
      [{ toEnd: true }, '10', 0, 0],
      [{ toTime: '-1h' }, '0', 10, 0],
      [{ byDuration: '1h' }, '0', 10, 0],
      [{ toTime: String((tenth?.timestamp ?? 0) + 1) }, '10', 0, 0],
    ]
    for (const [input, to, reread, skipped] of previews) {
      const { moves } = await reset(a, input)
      expect(moves, JSON.stringify(input)).toEqual([
        { topic: 'orders', partition: 0, from: '10', to, reread, skipped },
      ])
    }
    expect(await a.system.groups.committed('billing')).toMatchObject([{ offset: 10n }])
  })

  it('is done when it is told to, and the group goes on from there', async () => {
    const { a, seen } = await paused()
    expect(await reset(a, { toOffset: '7' }, true)).toMatchObject({ executed: true })
    await a.group('billing').resume()
    await until('they came again', () => seen.length === 13)
    expect(seen.slice(10)).toEqual([7, 8, 9])
  })

  it('skips ahead, and says that what is skipped is never delivered', async () => {
    const { a, seen } = await paused()
    await publish(a, 10, 15)
    const { consequences } = await reset(a, { toEnd: true }, true)
    expect(consequences.join('\n')).toContain('up to 5 events are never delivered to billing')
    await publish(a, 15, 16)
    await a.group('billing').resume()
    await until('the next came', () => seen.includes(15))
    expect(seen.slice(10)).toEqual([15])
  })

  it('is refused while the group runs, with what to do first, and moves nothing', async () => {
    const { a } = await shop()
    await publish(a, 0, 3)
    await until('it is caught up', () => caughtUp(a))
    expect((await reset(a, { toStart: true })).members).toHaveLength(1)
    await expect(reset(a, { toStart: true }, true)).rejects.toMatchObject({
      code: 'GROUP_ACTIVE',
      detail: expect.stringContaining('holdfast group pause billing') as string,
    })
    expect(await a.system.groups.committed('billing')).toMatchObject([{ offset: 3n }])
  })

  it('needs exactly one target, and a reason once it is to be done', async () => {
    const { a } = await paused()
    for (const input of [{}, { toStart: true, toEnd: true }, { toOffset: '1', shiftBy: 2 }])
      await expect(reset(a, input)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    const without = call(a, groupReset, { group: 'billing', toStart: true }, { execute: true })
    await expect(without).rejects.toMatchObject({ facts: { problems: [{ field: '/reason' }] } })
  })
})

describe('a reset of a group with retries and letters', () => {
  interface Failing extends Shop {
    mended: boolean
  }

  /** The event 2 fails until it is mended. */
  async function failing(retry: readonly '1h'[]): Promise<Failing> {
    const a = app({ name: 'shop', log: anyLog() })
    const shop: Failing = { a, seen: [], mended: false }
    a.consumer('billing', orders, { from: 'earliest', retry }).on('placed', e => {
      if (e.data.n === 2 && !shop.mended) throw new Error('not now')
      shop.seen.push(e.data.n)
    })
    await a.start()
    onTestFinished(() => a.stop())
    // Keys of their own, so that only this one waits.
    for (let n = 0; n < 5; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    await until('the group has passed them', () => caughtUp(a))
    return shop
  }

  async function resetTo(a: App<boolean>, input: Omit<GroupResetInput, 'group'>): Promise<void> {
    await a.group('billing').pause('a reset')
    await call(a, groupReset, { group: 'billing', ...input }, { execute: true, reason: 'ticket 7' })
    await a.group('billing').resume()
    await until('it is taken over', async () => (await a.groups())[0]?.state === 'running')
  }

  it('delivers what waited in the lane at or above the new position from the topic, once', async () => {
    const shop = await failing(['1h'])
    await until('it is parked', async () => (await shop.a.groups())[0]?.parked === 1)
    shop.mended = true
    await resetTo(shop.a, { toOffset: '1' })
    await until('all came again', () => shop.seen.length === 8)
    expect(shop.seen.slice(4)).toEqual([1, 2, 3, 4])
    await until('nothing waits any more', async () => (await shop.a.groups())[0]?.parked === 0)
  })

  it('leaves what waits below the new position in the lane', async () => {
    const shop = await failing(['1h'])
    await until('it is parked', async () => (await shop.a.groups())[0]?.parked === 1)
    await resetTo(shop.a, { toOffset: '4' })
    await until('the last came again', () => shop.seen.length === 5)
    expect(shop.seen).toEqual([0, 1, 3, 4, 4])
    await until('it still waits', async () => (await shop.a.groups())[0]?.parked === 1)
  })

  it('runs the events of dead letters again, and leaves the letters to be decided about', async () => {
    const shop = await failing([])
    await until('it is dead', async () => (await shop.a.groups())[0]?.deadLetters === 1)
    shop.mended = true
    await resetTo(shop.a, { toStart: true })
    await until('the others came again', () => shop.seen.length === 9)
    expect(shop.seen.slice(4)).toEqual([0, 1, 2, 3, 4])
    expect((await shop.a.groups())[0]?.deadLetters).toBe(1)
  })
})

describe('a group that is deleted', () => {
  it('is forgotten with its letters, and refused while it has members', async () => {
    const { a } = await shop()
    await publish(a, 0, 3)
    await until('it is caught up', () => caughtUp(a))
    const intent = { execute: true, reason: 'ticket 7' }
    await expect(call(a, groupDelete, { group: 'billing' }, intent)).rejects.toMatchObject({
      code: 'GROUP_ACTIVE',
    })
    expect(await a.system.log.topics.list()).toContain('orders.billing.dead')
    await a.group('billing').pause('to delete it')
    expect(await call(a, groupDelete, { group: 'billing' })).toMatchObject({ executed: false, positions: 1 })
    await call(a, groupDelete, { group: 'billing' }, intent)
    expect(await a.system.groups.committed('billing')).toEqual([])
    expect(await a.system.log.topics.list()).not.toContain('orders.billing.dead')
  })
})

describe('the description of a group', () => {
  it('says when it will have caught up', async () => {
    const { a } = await shop()
    await publish(a, 0, 3)
    await until('it is caught up', () => caughtUp(a))
    expect(await call(a, groupDescribe, { group: 'billing' })).toMatchObject({
      group: 'billing',
      state: 'running',
      forecast: { kind: 'caught up' },
      partitions: [{ topic: 'orders', partition: 0, committed: '3', end: '3', lag: 0 }],
    })
  })
})
