import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, expectClean } from './audited.ts'
import { startSystem } from './system.ts'

test('the handlers of one group hang: nobody is refused and the other groups stay close to the end', async () => {
  const groups = ['each', 'batch', 'held'] as const
  const system = await startSystem({ groups })
  const seconds = scale({ short: 15, long: 90 })
  const running = await startLoad({ ...system.load, run: 'h', ratePerSecond: 50, seconds, keys: 50, seed })
  await wait(2_000)
  process.kill(system.app.pid, 'SIGUSR2')
  await system.app.line(/^held$/)
  const lagOf = async (): Promise<Record<string, number>> => {
    const { groups } = await system.status()
    return Object.fromEntries(groups.map(({ group, lag }) => [group, lag]))
  }
  // Behind by more than what is in flight: its handlers hang.
  await until('the held group falls behind', async () => ((await lagOf())['held'] ?? 0) > 200)
  const worst: Record<string, number> = {}
  for (const end = performance.now() + (seconds * 1000) / 2; performance.now() < end;) {
    for (const [group, lag] of Object.entries(await lagOf())) worst[group] = Math.max(worst[group] ?? 0, lag)
    await wait(250)
  }
  process.kill(system.app.pid, 'SIGUSR2')
  await system.app.line(/^released$/)
  const { summary, ledger } = await running.finished()
  await system.drained()
  observed(`worst lag in events: ${JSON.stringify(worst)}; p99 of 202s ${summary.acceptedMs.p99} ms`)
  expect(summary).toMatchObject({ accepted: summary.planned, refused: 0, unsent: 0, unanswered: 0 })
  const behind = worst['held'] ?? 0
  expect(Math.max(worst['each'] ?? behind, worst['batch'] ?? behind)).toBeLessThan(behind / 2)
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})

test('handlers that hang while PostgreSQL is killed do not keep the other groups waiting when it is back', async () => {
  const groups = ['each', 'batch', 'held'] as const
  const system = await startSystem({ groups })
  const running = await startLoad({
    ...system.load,
    run: 'g',
    ratePerSecond: 50,
    seconds: 12,
    keys: 50,
    seed,
  })
  await wait(1_000)
  process.kill(system.app.pid, 'SIGUSR2')
  await system.app.line(/^held$/)
  await wait(1_000)
  const { pid, refused } = await system.killPostgres()
  expect(await refused()).toBe(10)
  await until('the breaker opens', async () =>
    (await system.status()).breakers.some(({ name, state }) => name === 'db' && state !== 'CLOSED'),
  )
  await system.startPostgres()
  const { summary, ledger } = await running.finished()
  const held = await until('the others have done everything while the handlers still hang', async () => {
    const { groups } = await system.status()
    const lagOf = (name: string): number => groups.find(({ group }) => group === name)?.lag ?? Infinity
    return lagOf('each') === 0 && lagOf('batch') === 0 && lagOf('held')
  })
  process.kill(system.app.pid, 'SIGUSR2')
  await system.app.line(/^released$/)
  await system.drained()
  observed(
    `postmaster ${pid} killed while handlers hung; the held group was ${held} behind when the others had done all`,
  )
  expect(held).toBeGreaterThan(0)
  expect(summary).toMatchObject({ accepted: summary.planned, refused: 0, unsent: 0, unanswered: 0 })
  for (const group of groups) expectClean(await auditGroup(system, ledger, group))
})
