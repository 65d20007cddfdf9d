import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { startSystem } from './system.ts'

test('hazard 12: SIGTERM under load drains and exits 0, again and again, and no accepted event is missing', async () => {
  const groups = ['each', 'batch'] as const
  const system = await startSystem({ groups })
  const stops = scale({ short: 3, long: 60 })
  const seconds = scale({ short: 5, long: 10 }) * (stops + 1)
  const running = await startLoad({ ...system.load, run: 's', ratePerSecond: 300, seconds, keys: 100, seed })
  for (let stop = 0; stop < stops; stop++) {
    await wait(scale({ short: 2_500, long: 8_000 }))
    const began = performance.now()
    expect(await system.app.terminate()).toMatchObject({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(25_000)
    await system.startApp()
  }
  const { summary, ledger } = await running.finished()
  await system.drained()
  observed(`${stops} SIGTERMs, each exit 0; outside: ${JSON.stringify(summary.why)}`)
  expect(summary.accepted).toBeGreaterThan(0)
  // The client saw it away in between.
  expect(summary.refused).toBeGreaterThan(0)
  const log = await auditLog(system, ledger)
  expectClean(log)
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  // A connection may be reset before its request was taken in; a request that was taken in gets its answer.
  expect(log.counts.doneUnanswered, JSON.stringify(summary.why)).toBe(0)
})
