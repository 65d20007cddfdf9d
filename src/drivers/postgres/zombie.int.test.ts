import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild, type Child } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { isCommit, startProxy, type Fate } from '../../../test/proxy.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'
import { World } from '../../sink/suite/index.ts'

const database = testDatabase()
const worker = join(import.meta.dirname, '../../../test/fixtures/sink-worker.ts')

/** Two worker processes of one partition, and a door that the zombie waits at. */
async function stage(): Promise<{
  readonly world: World
  readonly start: (name: string, mode: string, url?: string) => Promise<Child>
  readonly openDoor: () => void
}> {
  const under = await sinkUnderTest(database.url)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-zombie-'))
  onTestFinished(async () => {
    rmSync(folder, { recursive: true, force: true })
    await under.dispose()
  })
  await World.prepare(under)
  const world = new World(under)
  const door = join(folder, 'door')
  return {
    world,
    start: (name, mode, url = database.url) =>
      startChild({
        name,
        args: ['--conditions=holdfast-source', worker, url, world.group, name, mode, door],
      }),
    openDoor: () => writeFileSync(door, ''),
  }
}

/** The default grace, and the second that a take-over may need beyond it. */
const TAKE_OVER_MS = 500 + 1_000

/** Starts the successor; answers how long its take-over took. */
async function succeed(start: (name: string, mode: string) => Promise<Child>): Promise<[Child, number]> {
  const successor = await start('successor', 'through')
  const [, epoch, ms] = await successor.line(/^lease (\d+) (\d+)$/)
  expect(Number(epoch)).toBe(2)
  expect(Number(ms)).toBeLessThan(TAKE_OVER_MS)
  return [successor, Number(ms)]
}

const states = {
  idle: { shown: `state = 'idle in transaction'`, what: 'idle in its transaction' },
  statement: { shown: `wait_event = 'PgSleep'`, what: 'in a statement of 60 s' },
  result: { shown: `wait_event = 'ClientWrite'`, what: 'with a large result being sent' },
  copy: { shown: `wait_event = 'ClientRead' and query ilike 'copy %'`, what: 'with COPY FROM STDIN open' },
}

describe('hazard 35: an owner that is frozen, and goes on after its successor has', () => {
  for (const [mode, { shown, what }] of Object.entries(states)) {
    it(`${what}: is shut out within grace + 1 s, and leaves nothing`, async () => {
      const { world, start, openDoor } = await stage()
      const zombie = await start('zombie', mode)
      await zombie.line(/^inside$/)
      await zombie.freeze()
      const backend = await until(`the server shows the zombie ${what}`, async () => {
        const rows = await world.under.query(
          `select a.pid from pg_stat_activity a join pg_locks l using (pid)
           where l.locktype = 'advisory' and l.classid = 4242 and l.granted and l.mode = 'ShareLock'
             and a.datname = current_database() and a.${shown}`,
        )
        return rows[0]?.['pid']
      })

      const [successor, ms] = await succeed(start)
      expect((await successor.line(/^outcome (.*)$/))[1]).toBe('applied')
      expect(await world.effects()).toEqual(['successor'])
      expect(zombie.stdout.some(line => line.startsWith('outcome'))).toBe(false)

      openDoor()
      await zombie.thaw()
      expect((await zombie.line(/^outcome (.*)$/))[1]).toBe('SINK_FENCED')
      expect(await world.effects()).toEqual(['successor'])
      observed(
        `process ${zombie.pid} stopped ${what}, its backend ${String(backend)} ended, take-over ${ms} ms`,
      )
    })
  }

  for (const arrives of ['before', 'after'] as const) {
    it(`after it sent COMMIT, which the server gets ${arrives} the take-over: one effect`, async () => {
      const { world, start } = await stage()
      const proxy = await startProxy(database.url)
      const sent = Promise.withResolvers<void>()
      const held = Promise.withResolvers<Fate>()
      let commits = 0
      proxy.decide = message => {
        // The second COMMIT of the first worker: the first one is its take-over.
        if (!isCommit(message) || ++commits !== 2) return 'forward'
        sent.resolve()
        return held.promise
      }
      const zombie = await start('zombie', 'through', proxy.through(database.url))
      await sent.promise
      await zombie.freeze()
      if (arrives === 'before') {
        held.resolve('forward')
        await until('the effect is committed', async () => (await world.effects()).length === 1)
      }

      const [successor, ms] = await succeed(start)
      const outcome = (await successor.line(/^outcome (.*)$/))[1]
      const winner = arrives === 'before' ? 'zombie' : 'successor'
      expect(outcome).toBe(arrives === 'before' ? 'duplicate' : 'applied')
      expect(await world.effects()).toEqual([winner])

      held.resolve('forward')
      await zombie.thaw()
      expect((await zombie.line(/^outcome (.*)$/))[1]).toBe(arrives === 'before' ? 'applied' : 'SINK_FENCED')
      expect(await world.effects()).toEqual([winner])
      observed(
        `process ${zombie.pid} stopped with COMMIT sent, take-over ${ms} ms, the effect is the ${winner}'s`,
      )
    })
  }
})
