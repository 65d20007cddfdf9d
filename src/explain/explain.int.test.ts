import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { testDatabase } from '../../test/postgres.ts'
import { describeOn } from '../../test/support/test-logs.ts'
import { postgres } from '../drivers/postgres/index.ts'
import type { LogDriver } from '../log/index.ts'
import type { GroupProgress } from './explanation.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from '../server/app.ts'

const placed = z.object({ customer: z.string(), cents: z.number() })
const orders = topic('orders', { key: 'customer', partitions: 2, events: { placed, seen: placed } })
const invoices = topic('invoices', { partitions: 1, events: { sent: z.object({ order: z.string() }) } })

/** Three groups: one whose effects and events follow, one that cannot do it, and one that reads another topic. */
async function shop(log: LogDriver, url: string): Promise<App<true>> {
  const shop = app({ name: 'shop', log, db: postgres(url) })
  shop.consumer('billing', orders, { from: 'earliest' }).effect('placed', async (event, tx) => {
    await tx.publish(invoices, 'sent', { order: event.id })
  })
  shop.consumer('mail', orders, { from: 'earliest', retry: [] }).on('placed', () => {
    throw new RangeError('no such address')
  })
  shop.consumer('archive', invoices, { from: 'earliest' }).on('sent', () => {})
  await shop.start()
  onTestFinished(() => shop.stop())
  return shop
}

async function settled(shop: App<true>): Promise<void> {
  await until('all groups are done', async () =>
    (await shop.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
  )
}

describeOn(['embedded', 'kafka'], 'explain', on => {
  const database = testDatabase()

  it('tells of an event where it is, what each group made of it, its effect, its letter and what it caused', async () => {
    const first = await shop(await on.fresh(), database.url)
    const { partition, offset } = await first.publish(
      orders,
      'placed',
      { customer: 'ada', cents: 5 },
      { id: 'order-1' },
    )
    const caused = await until('the invoice is in the log', async () => {
      const { events } = await first.explain('order-1')
      return events[0]?.caused[0]
    })
    await settled(first)
    const explained = await first.explain('order-1')
    expect(explained.events).toMatchObject([
      {
        topic: 'orders',
        partition,
        offset,
        type: 'placed',
        source: '/apps/shop',
        correlationId: 'order-1',
        durability: on.kind === 'kafka' ? 'single' : 'fsync',
        payload: undefined,
        groups: [
          { group: 'billing', state: { kind: 'done' }, effect: { inbox: 'applied' }, letter: undefined },
          {
            group: 'mail',
            state: { kind: 'dead', reason: 'attempts' },
            letter: { status: 'died', last: { name: 'RangeError', message: 'no such address' } },
            effect: undefined,
          },
        ],
        caused: [{ topic: 'invoices', type: 'sent' }],
      },
    ])
    expect(explained.search).toMatchObject({ how: on.knowsIds ? 'index' : 'reading', unsearched: [] })
    expect(explained.copies).toContainEqual(expect.objectContaining({ group: 'mail', of: 'dead letter' }))
    for (const part of ['from app shop', 'its effect committed, once', 'RangeError no such address'])
      expect(explained.story).toContain(part)
    const invoice = await first.explain(caused.id)
    expect(invoice.events).toMatchObject([
      { causationId: 'order-1', groups: [{ group: 'archive' }], caused: [] },
    ])
    expect(invoice.story).toContain('caused by     order-1')
    const { payload } = (await first.explain('order-1', { payload: true })).events[0] ?? {}
    expect(Buffer.from(payload?.value ?? []).toString()).toBe('{"customer":"ada","cents":5}')
  })
})

describeOn(['memory', 'kafka'], 'explain', on => {
  const database = testDatabase()

  it('tells what is in work from what waits behind it, in the process that works on it', async () => {
    const began = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const log = await on.fresh()
    const a = app({ name: 'shop', log })
    a.consumer('slow', orders, { from: 'earliest' }).on('placed', async () => {
      began.resolve()
      await end.promise
    })
    await a.start()
    onTestFinished(async () => {
      end.resolve()
      await a.stop()
    })
    await a.publish(orders, 'placed', { customer: 'ada', cents: 1 }, { id: 'first' })
    await began.promise
    const stateIn = async (by: App<boolean>): Promise<unknown> =>
      (await by.explain('first')).events[0]?.groups[0]?.state
    expect(await stateIn(a)).toEqual({ kind: 'working', ahead: 0n, lag: 1n })
    expect((await a.explain('first')).story).toContain('slow          in work here: taken from the log')
    const other = app({ name: 'other', log })
    await other.start()
    onTestFinished(() => other.stop())
    expect(await stateIn(other)).toMatchObject({ kind: 'waiting', owner: expect.stringContaining('shop@') })
    end.resolve()
    await until('the position is past it', async () =>
      (await a.system.groups.committed('slow')).some(at => at.offset === 1n),
    )
    expect(await stateIn(a)).toEqual({ kind: 'passed' })
  })

  it('tells what was never begun, skipped, and not there, from a process that runs no group', async () => {
    const log = await on.fresh()
    const first = await shop(log, database.url)
    await first.publish(orders, 'seen', { customer: 'ada', cents: 1 }, { id: 'seen-1' })
    await settled(first)
    await first.stop()
    const other = app({ name: 'other', log })
    await other.start()
    onTestFinished(() => other.stop())
    await other.publish(orders, 'placed', { customer: 'ada', cents: 1 }, { id: 'late-1' })
    const [late] = (await other.explain('late-1')).events
    expect(late?.groups).toMatchObject([
      { group: 'billing', state: { kind: 'waiting', ahead: 0n, lag: 1n, owner: undefined } },
      { group: 'mail', state: { kind: 'waiting' } },
    ])
    const [seen] = (await other.explain('seen-1')).events
    expect(seen?.groups.map(({ state }) => state.kind)).toEqual(['passed', 'passed'])
    const again = await shop(log, database.url)
    expect((await again.explain('seen-1')).events[0]?.groups).toMatchObject([
      { group: 'billing', state: { kind: 'skipped' } },
      { group: 'mail', state: { kind: 'skipped' } },
    ])
    const nobody = await again.explain('nobody')
    expect(nobody).toMatchObject({ events: [], copies: [], search: { how: 'reading', unsearched: [] } })
    expect(nobody.story).toContain('nobody  is not there')
  })

  it('tells each attempt of the retry lane, what an event waits for, and what becomes of it', async () => {
    let [declines, waits] = [2, true]
    const log = await on.fresh()
    const bank = app({ name: 'bank', log })
    bank.consumer('cards', orders, { from: 'earliest', retry: ['1ms', '1ms', '1h'] }).on('placed', event => {
      if (event.id === 'declined' && declines-- > 0) throw new RangeError('the card is declined')
      if (event.id === 'broken' && waits) throw new TypeError('no such account')
    })
    await bank.start()
    onTestFinished(() => bank.stop())
    const publish = (id: string): Promise<unknown> =>
      bank.publish(orders, 'placed', { customer: 'ada', cents: 1 }, { id })
    const told = async (id: string): Promise<GroupProgress | undefined> =>
      (await bank.explain(id)).events[0]?.groups[0]
    await publish('declined')
    const done = await until('it is done', async () => {
      const one = await told('declined')
      return one?.state.kind === 'done' ? one : undefined
    })
    expect(done.attempts).toMatchObject([
      { number: 1, outcome: 'failed', failure: { name: 'RangeError', message: 'the card is declined' } },
      { number: 2, outcome: 'failed', failure: { name: 'RangeError' } },
      { number: 3, outcome: 'succeeded', failure: undefined },
    ])
    for (const { tookMs } of done.attempts.slice(1)) expect(tookMs).toBeGreaterThanOrEqual(0)

    await publish('broken')
    await publish('behind')
    const broken = await until('three attempts failed', async () => {
      const one = await told('broken')
      // Two looks at a lane that goes on meanwhile: its history may be ahead of its state.
      const isThrice = one?.state.kind === 'retrying' && one.state.attempts === 3
      return isThrice && one.attempts.length === 3 ? one : undefined
    })
    expect(broken.state).toMatchObject({ kind: 'retrying', attempts: 3, behind: undefined, replay: false })
    const behind = await until('the next of its key is parked', async () => {
      const one = await told('behind')
      return one?.state.kind === 'retrying' ? one : undefined
    })
    const [event] = (await bank.explain('broken')).events
    expect(behind.state).toMatchObject({ attempts: 0, behind: event?.offset })
    expect((await bank.explain('behind')).story).toMatch(
      /cards +in the retry lane: has not run, due \S+; behind offset \d+ of its key/,
    )
    waits = false
  })
})
