import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../app.ts'
import { groupDelete } from './group-delete.ts'
import { groupList } from './group-list.ts'
import { groupRename, type GroupRename } from './group-rename.ts'
import { groupReset } from './group-reset.ts'
import { operate } from './operate.ts'
import type { Answer } from './operation.ts'
import { perform } from './perform.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

const execute = { execute: true, reason: 'ticket 7' }
const committedTo = (a: App<boolean>, group: string, offset: bigint) => async (): Promise<boolean> =>
  (await a.system.groups.committed(group)).some(position => position.offset === offset)

async function publish(a: App<boolean>, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await a.publish(orders, 'placed', { customer: 'c', n })
}

describeOn(['memory', 'kafka'], 'a group that is renamed', on => {
  const database = testDatabase()

  async function client(): Promise<Client> {
    const made = new Client({ connectionString: database.url })
    await made.connect()
    onTestFinished(() => made.end())
    return made
  }

  it('goes on under its new name with what it has applied, and applies nothing again', async () => {
    const db = await client()
    await db.query('create table renamed (n int not null)')
    const log = await on.fresh()
    const shop = (group: string): App<true> => {
      const a = app({ name: 'shop', log, db: postgres(database.url) })
      a.consumer(group, orders, { from: 'earliest' }).effect('placed', async (e, tx) => {
        await tx.query('insert into renamed (n) values ($1)', [e.data.n])
      })
      onTestFinished(() => a.stop())
      return a
    }
    const applied = async (): Promise<number[]> =>
      (await db.query<{ n: number }>('select n from renamed order by n')).rows.map(({ n }) => n)

    const before = shop('billing')
    await before.start()
    await publish(before, 0, 3)
    await until('they are committed', committedTo(before, 'billing', 3n))
    const call = operate(before)
    await before.group('billing').pause('a rename')
    expect(await call(groupRename, { group: 'billing', to: 'invoicing' })).toMatchObject({
      executed: false,
      inbox: true,
      obstacles: [],
      positions: [{ topic: 'orders', partition: 0, offset: '3' }],
    })
    expect(await before.system.groups.committed('invoicing')).toEqual([])
    await call(groupRename, { group: 'billing', to: 'invoicing' }, execute)
    expect(await before.system.groups.committed('billing')).toEqual([])
    await before.stop()

    const after = shop('invoicing')
    await after.start()
    await publish(after, 3, 5)
    await until('the new ones are committed', committedTo(after, 'invoicing', 5n))
    expect(await applied()).toEqual([0, 1, 2, 3, 4])
    // Read again from the start, the inbox knows all of them: it has come along.
    await after.group('invoicing').pause('a reset')
    await operate(after)(groupReset, { group: 'invoicing', toStart: true }, execute)
    await after.group('invoicing').resume()
    await until('they are committed again', committedTo(after, 'invoicing', 5n))
    expect(await applied()).toEqual([0, 1, 2, 3, 4])
    const { groups } = await operate(after)(groupList, {})
    expect(groups.map(({ group }) => group)).toEqual(['invoicing'])
    // What is left of the old name can be deleted.
    const { topics } = await operate(after)(groupDelete, { group: 'billing' }, execute)
    expect(topics.map(one => one.topic)).toEqual(['orders.billing.retry', 'orders.billing.dead'])
    await expect(operate(after)(groupDelete, { group: 'billing' })).rejects.toMatchObject({
      code: 'GROUP_UNKNOWN',
    })
  })

  it('can be renamed by the same call again after it broke off behind the database', async () => {
    const log = await on.fresh()
    const a = app({ name: 'shop', log, db: postgres(database.url) })
    a.consumer('first', orders, { from: 'earliest' }).effect('placed', async () => {})
    await a.start()
    onTestFinished(() => a.stop())
    await publish(a, 0, 2)
    await until('they are committed', committedTo(a, 'first', 2n))
    await a.group('first').pause('a rename')
    // As far as a process came that died.
    const positions = await a.system.groups.committed('first')
    expect(await a.admin.host().sink?.renameGroup('first', 'second')).toBe(true)
    await a.system.groups.move('second', positions)
    await operate(a)(groupRename, { group: 'first', to: 'second' }, execute)
    expect(await a.system.groups.committed('second')).toMatchObject([{ offset: 2n }])
    expect(await a.system.groups.committed('first')).toEqual([])
  })
})

describeOn(['memory'], 'a process that still has the old name', on => {
  // Of a group that was renamed the retry lane is still there: without its position nobody takes it for a new one.
  it.each([
    { what: 'renamed', begins: 'stopped' },
    { what: 'deleted', begins: 'running' },
  ])('leaves a group alone that is $what', async ({ what, begins }) => {
    const log = await on.fresh()
    const [a, other] = [app({ name: 'shop', log }), app({ name: 'shop', log })]
    for (const group of ['billing', 'shipping'])
      a.consumer(group, orders, { from: 'earliest' }).on('placed', () => {})
    other.consumer('shipping', orders, { from: 'earliest' }).on('placed', () => {})
    for (const one of [a, other]) {
      await one.start()
      onTestFinished(() => one.stop())
    }
    await publish(a, 0, 1)
    await until('it is committed', committedTo(a, 'billing', 1n))
    await a.group('billing').pause('a rename')
    if (what === 'renamed') await operate(a)(groupRename, { group: 'billing', to: 'invoicing' }, execute)
    else await operate(a)(groupDelete, { group: 'billing' }, execute)
    // It hears of one decision after the other.
    await other.group('shipping').pause('a mark')
    const state = async (name: string): Promise<string | undefined> =>
      (await a.groups()).find(({ group }) => group === name)?.state
    await until('it has heard of the later decision', async () => (await state('shipping')) === 'paused')
    expect(await state('billing')).toBe('paused')
    expect(await a.system.groups.describe('billing')).toMatchObject({ members: [] })

    // Who starts later and declares a group of this name: nobody has paused it.
    const later = app({ name: 'shop', log })
    later.consumer('billing', orders, { from: 'latest' }).on('placed', () => {})
    await later.start()
    onTestFinished(() => later.stop())
    await until('it is taken over', async () => (await later.groups())[0]?.state === begins)
  })
})

describeOn(['memory'], 'a rename is refused, and says what to settle, as', on => {
  async function failing(retry: readonly '1h'[]): Promise<App<boolean>> {
    const a = app({ name: 'shop', log: await on.fresh() })
    a.consumer('billing', orders, { from: 'earliest', retry }).on('placed', () => {
      throw new Error('not now')
    })
    await a.start()
    onTestFinished(() => a.stop())
    await publish(a, 0, 1)
    await until('the group has passed it', committedTo(a, 'billing', 1n))
    return a
  }

  async function refused(a: App<boolean>, to = 'invoicing'): Promise<Answer<GroupRename>> {
    const call = operate(a)
    await expect(call(groupRename, { group: 'billing', to }, execute)).rejects.toMatchObject({
      code: 'GROUP_BOUND',
    })
    expect(await a.system.groups.committed('billing')).toMatchObject([{ offset: 1n }])
    return call(groupRename, { group: 'billing', to })
  }

  it('while it has members, and while events wait in its lane', async () => {
    const a = await failing(['1h'])
    const running = await refused(a)
    expect(running.obstacles).toHaveLength(2)
    expect(running.obstacles.join('\n')).toContain('holdfast group pause billing')
    await a.group('billing').pause('a rename')
    expect((await refused(a)).obstacles).toEqual([
      '1 of its events wait in its retry lane: let it run until they are done',
    ])
  })

  it('while dead letters are open', async () => {
    const a = await failing([])
    await until('it is dead', async () => (await a.groups())[0]?.deadLetters === 1)
    await a.group('billing').pause('a rename')
    expect((await refused(a)).obstacles).toEqual(['1 of its dead letters are open: replay or discard them'])
  })

  it('to the name of a group that there is', async () => {
    const a = app({ name: 'shop', log: await on.fresh() })
    for (const group of ['billing', 'shipping'])
      a.consumer(group, orders, { from: 'earliest' }).on('placed', () => {})
    await a.start()
    onTestFinished(() => a.stop())
    await publish(a, 0, 1)
    await until('both have it', async () =>
      (await Promise.all(['billing', 'shipping'].map(group => committedTo(a, group, 1n)()))).every(Boolean),
    )
    await a.group('billing').pause('a rename')
    expect((await refused(a, 'shipping')).obstacles.join()).toContain('shipping runs already')
  })

  it('where nobody knows whether the group applies effects', async () => {
    const a = await failing([])
    const host = { ...a.admin.host(), app: undefined }
    const actor = { name: 'ada', role: 'admin' } as const
    const { signal } = new AbortController()
    const input = { group: 'billing', to: 'invoicing' }
    await expect(perform(host, { operation: groupRename, input, actor, signal })).rejects.toMatchObject({
      code: 'PROCESS_NEEDED',
    })
  })
})
