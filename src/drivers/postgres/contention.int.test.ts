import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'
import { World } from '../../sink/suite/index.ts'
import { background, door } from '../../sink/suite/world.ts'
import type { PostgresOptions } from './index.ts'

const database = testDatabase()
const DAY_MS = 86_400_000

async function makeWorld(options?: PostgresOptions): Promise<World> {
  const under = await sinkUnderTest(database.url, options)
  onTestFinished(() => under.dispose())
  return new World(under)
}

beforeAll(async () => {
  const under = await sinkUnderTest(database.url)
  await World.prepare(under)
  await under.query('create table counter (name text primary key, n int not null)')
  await under.dispose()
})

const waiting = (world: World, what: string): Promise<unknown> =>
  expect
    .poll(() =>
      world.under.query(`select 1 as one from pg_locks where locktype = $1 and not granted`, [what]),
    )
    .not.toEqual([])

describe('transactions that meet', () => {
  it('hazard 59: a delivery that outwaits lock_timeout is tried again, and never a duplicate before the first decides', async () => {
    const world = await makeWorld({ lockTimeout: '200ms' })
    const lease = await world.lease()
    for (const ends of ['rolls back', 'commits'] as const) {
      const record = world.record(ends)
      const inside = door()
      const first = world.kinds(lease, [record], async tx => {
        await world.insertEffect(tx, [ends])
        await inside.pass()
        if (ends === 'rolls back') throw new Error(ends)
      })
      await inside.reached
      const before = await rollbacks(world)
      let decided = false
      const second = world.kinds(lease, [record]).finally(() => (decided = true))
      // Seen in the statistics: at least one transaction of the second gave up waiting.
      await expect.poll(() => rollbacks(world), { timeout: 10_000 }).toBeGreaterThan(before)
      expect(decided).toBe(false)
      inside.open()
      expect([await first, await second]).toEqual(
        ends === 'commits' ? [['applied'], ['duplicate']] : [['failed'], ['applied']],
      )
    }
    expect(await world.effects()).toEqual(['commits', 'rolls back'])
    observed('lock_timeout ended a waiting transaction, which was run again')
  })

  it('a deadlock between two handlers costs a second run, and no event', async () => {
    const world = await makeWorld()
    const lease = await world.lease()
    const names = [`${world.group}-x`, `${world.group}-y`]
    await world.under.query('insert into counter select unnest($1::text[]), 0', [names])
    let runs = 0
    const both = door()
    let inside = 0
    const bump = (order: readonly string[]): Promise<string[]> =>
      world.kinds(lease, [world.record(order.join())], async tx => {
        runs++
        await tx.query('update counter set n = n + 1 where name = $1', [order[0]])
        if (++inside === 2) both.open()
        await both.pass()
        await tx.query('update counter set n = n + 1 where name = $1', [order[1]])
      })
    expect(await Promise.all([bump(names), bump(names.toReversed())])).toEqual([['applied'], ['applied']])
    expect(runs).toBeGreaterThan(2)
    const rows = await world.under.query('select n from counter where name = any ($1)', [names])
    expect(rows).toEqual([{ n: 2 }, { n: 2 }])
    observed(`${runs - 2} transaction of 2 was chosen as the victim of a deadlock`)
  })

  it('pruning waits for work under way without keeping new work waiting, also when two prune', async () => {
    const world = await makeWorld()
    const other = await world.under.another()
    const lease = await world.lease()
    const old = Date.now() - 30 * DAY_MS
    const days = [0, 1, 2, 3]
    for (const day of days)
      await world.kinds(lease, [world.record(`old${day}`, { acceptedAt: old + day * DAY_MS })])
    const inside = door()
    const slow = world.kinds(lease, [world.record('slow')], () => inside.pass())
    await inside.reached
    const pruned = background(
      Promise.all([world.sink.prune(old + 5 * DAY_MS), other.prune(old + 5 * DAY_MS)]),
    )
    await waiting(world, 'virtualxid')
    for (let i = 0; i < 20; i++)
      expect(await world.kinds(lease, [world.record(`new${i}`)])).toEqual(['applied'])
    inside.open()
    await slow
    await pruned
    // A day that the two kept from each other is cleared up by the next call.
    await world.sink.prune(old + 5 * DAY_MS)
    const left = await world.under.query(
      `select count(*)::int as n from pg_class where relname ~ '^inbox_[0-9]+$' and relkind = 'r'
       and substring(relname from '[0-9]+$')::int between $1 and $2`,
      [Math.floor(old / DAY_MS) - 1, Math.floor(old / DAY_MS) + 3],
    )
    expect(left).toEqual([{ n: 0 }])
    const again = days.map(day => world.record(`old${day}`, { acceptedAt: old + day * DAY_MS }))
    expect(await world.kinds(lease, again)).toEqual(days.map(() => 'expired'))
  })
})

async function rollbacks(world: World): Promise<number> {
  const sql = 'select xact_rollback from pg_stat_database where datname = current_database()'
  return Number((await world.under.query(sql))[0]?.['xact_rollback'])
}
