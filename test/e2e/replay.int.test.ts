import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { app, type App } from '../../src/index.ts'
import { seededRandom } from '../../src/event/index.ts'
import { fillsOrders, type FillsOptions } from '../apps/fills-orders.ts'
import { movesLog } from '../apps/moves-log.ts'
import type { Child } from '../harness/child.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { testDatabase } from '../postgres.ts'
import { describeOn, type SharedTestLog } from '../support/test-logs.ts'
import { freezeWithinTransactions } from './freeze.ts'
import { endOf, startReplayChild } from './replay-child.ts'

const database = testDatabase()
const COUNT = 300
const all = Array.from({ length: COUNT }, (_, n) => n)

/** Effects of a group, sorted; a double stands there twice. */
async function effects(group: string): Promise<number[]> {
  return (await database.query(`select n from seen where grp = '${group}' order by n`)).map(row =>
    Number(row['n']),
  )
}

interface Skipped {
  /** In this process; it has no groups. */
  readonly sender: App<false>
  readonly start: (options: Pick<FillsOptions, 'skip' | 'ask'>) => Promise<Child>
}

/** A log of which group `a` has skipped everything, and `b` has applied it. */
async function skippedRange(on: SharedTestLog): Promise<Skipped> {
  const place = await on.place({ sessionMs: 2_000, beatMs: 200 })
  const start: Skipped['start'] = options => {
    const given: FillsOptions = { ...place, database: database.url, ...options }
    return startReplayChild('fills', given)
  }
  const sender = app({ name: 'sender', log: movesLog(place) })
  await sender.start()
  onTestFinished(() => sender.stop())
  await Promise.all(all.map(n => sender.publish(fillsOrders, 'placed', { customer: `c${n % 7}`, n })))
  const skips = await start({ skip: true, ask: false })
  await until('everything was skipped', async () => {
    const committed = await sender.system.groups.committed('a')
    return committed.reduce((sum, one) => sum + Number(one.offset), 0) === COUNT
  })
  await until('the other group has done it', async () => (await effects('b')).length === COUNT)
  await skips.terminate()
  expect(await effects('a')).toEqual([])
  return { sender, start }
}

async function hasFilled(child: Child, count: number): Promise<void> {
  await until('it has filled some', () => child.stdout.filter(line => line.startsWith('did')).length >= count)
}

beforeEach(async () => {
  await database.query('drop table if exists seen')
  await database.query('create table seen (grp text, n int)')
  await database.query('drop schema if exists holdfast cascade')
})

describeOn(['embedded'], 'a replay whose process goes in the middle', on => {
  it.each(scale({ short: [1], long: Array.from({ length: 30 }, (_, i) => i) }))(
    'hazard 61: is gone on with by the next when it is killed, and everything is applied once: %i',
    async run => {
      const random = seededRandom(seed * 100 + run)
      const { start } = await skippedRange(on)
      const seen: number[] = []
      let child = await start({ skip: false, ask: true })
      for (let kills = 0; kills < 3; kills++) {
        await hasFilled(child, 5 + Math.floor(random() * 40))
        const exit = await child.kill()
        expect(exit.signal).toBe('SIGKILL')
        seen.push((await effects('a')).length)
        child = await start({ skip: false, ask: false })
      }
      expect(seen.at(-1), 'in the middle of it').toBeLessThan(COUNT)
      const { state, counts } = await endOf(child)
      expect(state).toBe('done')
      expect(counts.applied + counts.known).toBeGreaterThanOrEqual(COUNT)
      expect(await effects('a')).toEqual(all)
      expect(await effects('b'), 'another group sees nothing of it').toEqual(all)
      observed(`killed 3 times, after ${seen.join(', ')} of ${COUNT}; every effect once`)
    },
  )

  it('hazard 61: is gone on with when it stands still within a transaction, which then commits nothing', async () => {
    const { sender, start } = await skippedRange(on)
    const child = await start({ skip: false, ask: true })
    await hasFilled(child, 10)
    const { log } = sender.system
    const open = await freezeWithinTransactions(child, {
      databaseUrl: database.url,
      openLog: async () => ({ log, close: async () => {} }),
    })
    const applied = (await effects('a')).length
    expect(applied, 'in the middle of it').toBeLessThan(COUNT)
    const next = await start({ skip: false, ask: false })
    expect((await endOf(next)).state).toBe('done')
    expect(await effects('a'), 'before the former one wakes').toEqual(all)
    await child.thaw()
    expect((await endOf(child)).state).toBe('done')
    expect(await effects('a'), 'and after').toEqual(all)
    observed(`stopped after ${applied} of ${COUNT} with ${open} transactions open; every effect once`)
  })
})
