import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChild } from '../harness/child.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { allDone, startShared } from './consumers.ts'

test('hazard 13: while another process is stopped within a write, the collector is not ready and answers 503 not_stored; all go on by themselves when it is continued, or killed', async () => {
  const groups = ['each'] as const
  const { system, consumers } = await startShared({ groups, sessionMs: 2_000 }, 1)
  const load = await startLoad({ ...system.load, run: 'w', ratePerSecond: 50, seconds: 15, keys: 20, seed })
  const stopWriter = async (): Promise<number> => {
    const args = [join(import.meta.dirname, '../embedded/stopped-writer.ts'), system.data]
    const writer = await startChild({ name: 'writer', args })
    await writer.line(/^stops$/)
    await until('it is not ready', async () => !(await system.status()).ready)
    return writer.pid
  }
  const isReady = async (): Promise<boolean> => (await system.status()).ready

  const continued = await stopWriter()
  await until('senders are told', () =>
    [...load.ledgerSoFar().entries.values()].some(({ outcome }) => outcome === 'refused'),
  )
  process.kill(continued, 'SIGCONT')
  await until('it is ready again', isReady)
  const killed = await stopWriter()
  process.kill(killed, 'SIGKILL')
  await until('it is ready again', isReady)

  const { summary, ledger } = await load.finished()
  await allDone(consumers, groups)
  observed(`pids ${continued} and ${killed} stopped with the lock; answers ${JSON.stringify(summary.why)}`)
  expect(summary.why['503 not_stored']).toBeGreaterThan(0)
  expect(summary).toMatchObject({ unsent: 0, unanswered: 0 })
  expectClean(await auditLog(system, ledger))
  expectClean(await auditGroup(system, ledger, 'each'))
})
