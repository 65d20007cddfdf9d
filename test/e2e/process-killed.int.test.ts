import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/event/index.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { startSystem } from './system.ts'

test('Holdfast is killed five times under load, with a slow group that fails one event in ten: what was accepted is stored once and in order', async () => {
  const groups = ['each', 'batch', 'flaky'] as const
  const system = await startSystem({ groups })
  const seconds = scale({ short: 20, long: 120 })
  const running = await startLoad({ ...system.load, run: 'k', ratePerSecond: 100, seconds, keys: 100, seed })
  const random = seededRandom(seed)
  const kills: string[] = []
  for (let kill = 0; kill < 5; kill++) {
    await wait((0.4 + 0.4 * random()) * ((seconds * 1000) / 6))
    const { pid, code, signal } = await system.app.kill()
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
    kills.push(String(pid))
    await system.startApp()
  }
  const { summary, ledger } = await running.finished()
  const end = await system.drained()
  observed(
    `SIGKILL to pids ${kills.join(', ')} (seed ${seed}); ${summary.refused} refused and ${summary.unanswered} unanswered while it was away, ${summary.accepted} accepted`,
  )
  expect(new Set(kills).size).toBe(5)
  // It was really away, and back each time: both kinds of answers were seen.
  expect(summary.refused + summary.unanswered).toBeGreaterThan(0)
  expect(summary.accepted).toBeGreaterThan(summary.planned / 4)
  expectClean(await auditLog(system, ledger))
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  expect(
    end.metric('events_processed_total', { group: 'flaky', result: 'retried' }),
    'since the last start, attempts did fail',
  ).toBeGreaterThan(0)
})
