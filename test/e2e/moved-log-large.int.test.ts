import { describe, expect, test } from 'vitest'
import { observed } from '../harness/observed.ts'
import { scale } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { fileKafka, noOwnKafka } from '../kafka.ts'
import { auditGroup, expectClean } from './audited.ts'
import { allDone } from './consumers.ts'
import { withLog } from './log-access.ts'
import { appendMixed } from './mixed-events.ts'
import { folder, Move, offsetsIn } from './move.ts'
import { startSystem, type Consumer, type System } from './system.ts'

const groups = ['batch', 'ailingBatch', 'parking'] as const
type Group = (typeof groups)[number]
const count = scale({ short: 1_500, long: 200_000 })
/** Of the thousands of events that the groups do in a second on a machine of its own, a few hundred. */
const LIMIT_MS = scale({ short: 240_000, long: 1_800_000 })

/** Runs one group until it has got so far, and ends it. */
async function run(
  system: System,
  group: Group,
  how: 'kill' | 'terminate',
  isThere: (consumer: Consumer) => Promise<boolean>,
): Promise<void> {
  const consumer = await system.startConsumer({ groups: [group] })
  await until(`${group} is there`, () => isThere(consumer), LIMIT_MS)
  await consumer.child[how]()
}

async function standingOf(consumer: Consumer): Promise<{ passed: number; lag: number; parked: number }> {
  const [group] = (await consumer.status()).groups
  const { partitions = [], lag = -1, parked = 0 } = group ?? {}
  return { lag, parked, passed: partitions.reduce((sum, { committed }) => sum + Number(committed), 0) }
}

describe.skipIf(noOwnKafka)('a large log', () => {
  const kafka = fileKafka(() => ({}))

  test('with three groups at different places, one with thousands of events that wait for a retry, is moved to Kafka by a command that is killed half-way and run again: each goes on where it stood, and ends', async () => {
    const system = await startSystem({ groups, roles: ['collector'], data: folder() })
    const { ledger } = await withLog(system, log => appendMixed(log, count, { isPure: true }))
    await run(system, 'batch', 'terminate', async consumer => (await standingOf(consumer)).lag === 0)
    await run(
      system,
      'ailingBatch',
      'kill',
      async consumer => (await standingOf(consumer)).passed > count / 4,
    )
    const waiting = Math.floor(count / 16)
    await run(system, 'parking', 'terminate', async consumer => {
      const { lag, parked } = await standingOf(consumer)
      return lag === 0 && parked >= waiting
    })
    await system.app.terminate()

    const move = new Move(system, kafka.cluster.brokers.split(','))
    const there = move.there()
    const { backlogs } = await move.report('--dry-run')
    const parked = backlogs.find(({ group }) => group === 'parking')?.parked ?? 0
    expect(parked).toBeGreaterThanOrEqual(waiting)
    const [began, all] = [performance.now(), await offsetsIn(system)]
    const { signal } = await (await move.command([], `append ${scale({ short: 6, long: 20 })}`)).exited
    expect(signal).toBe('SIGKILL')
    const half = await offsetsIn(there)
    expect(half > 0n && half < all).toBe(true)
    const { positions } = await move.report()
    const lagOf = (of: Group): bigint =>
      positions.reduce((sum, { group, lag }) => sum + (group === of ? BigInt(lag) : 0n), 0n)
    expect(lagOf('batch')).toBe(0n)
    expect(lagOf('ailingBatch')).toBeGreaterThan(0n)
    const moved = performance.now()

    const next = await system.startConsumer({ groups, mended: true, ...move.copy })
    await allDone([next], groups, LIMIT_MS)
    observed(
      `SIGKILL at ${half} of ${all} offsets, moved in ${seconds(moved - began)}; ${parked} events that waited and ${lagOf('ailingBatch')} others done in ${seconds(performance.now() - moved)}`,
    )
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })
})

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
