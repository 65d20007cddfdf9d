import { describe, expect, test } from 'vitest'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import type { Arm } from '../contract/arm.ts'
import { arms } from './index.ts'
import { naiveArm } from './naive/arm.ts'
import { withClient } from './store.ts'
import { drainedAudit, startArm, testDependency } from './testing.ts'

const arm = (name: string): Arm => {
  const found = arms[name]
  if (!found) throw new Error(`no arm ${name}`)
  return found
}

describe('with a cache that dies for a while, and an event that the database refuses', () => {
  const database = testDatabase()
  const cleanTables = (): Promise<unknown> =>
    withClient(database.url, client => client.query('drop schema if exists drivers, holdfast cascade'))

  test.each(['rest', 'rest-chain'])('%s refuses what it cannot do now, and loses nothing', async name => {
    await cleanTables()
    const cache = await testDependency('cache')
    const { sender, ...running } = await startArm(arm(name), database.url, { dependencies: [cache] })
    expect(await sender.post(1)).toEqual(['accepted'])
    expect(await cache.kill()).toContain('ended by SIGKILL')
    expect(await sender.post(2)).toEqual(['refused', 'refused'])
    await cache.restart()
    expect(await sender.post(1, { poison: true })).toEqual(['refused'])
    const audit = await drainedAudit({ ...running, sender })
    expect(audit).toMatchObject({ clean: true, counts: { done: 1, refused: 3 } })
    expect(await vehicles(database.url)).toEqual(['van-k0'])
  })

  test('holdfast accepts all, waits for the cache with its breaker open, and buries the bad one', async () => {
    await cleanTables()
    const cache = await testDependency('cache')
    const running = await startArm(arm('holdfast'), database.url, { dependencies: [cache] })
    await running.sender.post(1)
    await drainedAudit(running)
    expect(await cache.kill()).toContain('ended by SIGKILL')
    expect(await running.sender.post(5)).toEqual(Array.from({ length: 5 }, () => 'accepted'))
    await until('its breaker opens', async () => (await running.sample()).breaker !== 'CLOSED')
    expect(await running.isDrained()).toBe(false)
    expect((await running.evidence()).pending).toHaveLength(5)
    await cache.restart()
    expect(await running.sender.post(1, { poison: true })).toEqual(['accepted'])
    const { clean, counts } = await drainedAudit(running)
    expect({ clean, counts }).toMatchObject({ clean: true, counts: { done: 6, dead: 1 } })
    expect(await running.sample()).toMatchObject({ deadLetters: 1, lag: 0, breaker: 'CLOSED' })
  })

  test.each([
    { flags: [], lost: 3, dead: 0 },
    { flags: ['commit-after-success', 'dead-letters'], lost: 0, dead: 1 },
  ])('naive loses both, unless $flags', async ({ flags, lost, dead }) => {
    await cleanTables()
    const cache = await testDependency('cache')
    const running = await startArm(naiveArm({ resetMs: 1_000 }), database.url, {
      dependencies: [cache],
      flags,
    })
    await running.sender.post(1)
    await drainedAudit(running)
    expect(await cache.kill()).toContain('ended by SIGKILL')
    expect(await running.sender.post(2)).toEqual(['accepted', 'accepted'])
    if (flags.length === 0) await drainedAudit(running)
    await cache.restart()
    expect(await running.sender.post(1, { poison: true })).toEqual(['accepted'])
    const { counts, findings } = await drainedAudit(running)
    expect([findings.lost.length, counts.dead]).toEqual([lost, dead])
  })
})

describe('orders-rest with a dead mail server', () => {
  const database = testDatabase()

  test.each([
    { flags: [], outcome: 'refused', lost: 0, unpaid: -2, words: 'refuses orders that are paid' },
    { flags: ['retry'], outcome: 'refused', lost: 0, unpaid: -2, words: 'refuses them later' },
    {
      flags: ['swallow'],
      outcome: 'accepted',
      lost: 2,
      unpaid: 0,
      words: 'accepts orders without their mail',
    },
  ])('$flags $words', async ({ flags, outcome, lost, unpaid }) => {
    await withClient(database.url, client => client.query('drop schema if exists orders cascade'))
    const mail = await testDependency('mail')
    const running = await startArm(arm('orders-rest'), database.url, { dependencies: [mail], flags })
    expect(await running.sender.post(1)).toEqual(['accepted'])
    expect(await mail.kill()).toContain('ended by SIGKILL')
    expect(await running.sender.post(2)).toEqual([outcome, outcome])
    await mail.restart()
    const { findings, counts } = await drainedAudit(running)
    const difference = findings.aggregates.reduce((sum, { expected, actual }) => sum + expected - actual, 0)
    expect({ done: counts.done, lost: findings.lost.length, ghosts: findings.ghosts, difference }).toEqual({
      done: 1,
      lost,
      ghosts: [],
      difference: unpaid,
    })
  })
})

describe('orders with a dead mail service', () => {
  const database = testDatabase()

  test('takes and pays every order meanwhile, and sends each mail once when it is back', async () => {
    const mail = await testDependency('mail')
    const running = await startArm(arm('orders'), database.url, { dependencies: [mail] })
    await running.sender.post(1)
    expect(await drainedAudit(running)).toMatchObject({ clean: true, counts: { done: 1 } })
    expect(await mail.kill()).toContain('ended by SIGKILL')
    expect(await running.sender.post(5)).toEqual(Array.from({ length: 5 }, () => 'accepted'))
    await until('its breaker opens', async () => (await running.sample()).breaker !== 'CLOSED')
    await until('all are paid', async () => (await paid(database.url)) === 6)
    expect(await running.isDrained()).toBe(false)
    await mail.restart()
    expect(await drainedAudit(running)).toMatchObject({ clean: true, counts: { done: 6, dead: 0 } })
    expect(await running.sample()).toMatchObject({ deadLetters: 0, lag: 0, breaker: 'CLOSED' })
  })
})

async function paid(databaseUrl: string): Promise<number> {
  const { rowCount } = await withClient(databaseUrl, client => client.query('select from shop.charges'))
  return rowCount ?? 0
}

async function vehicles(databaseUrl: string): Promise<string[]> {
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ vehicle: string }>('select vehicle from drivers.positions order by seq'),
  )
  return rows.map(({ vehicle }) => vehicle)
}
