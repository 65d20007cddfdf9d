import { describe, expect, test, vi } from 'vitest'
import { isAlive } from '../../../src/server/processes.ts'
import { until } from '../../../test/harness/until.ts'
import { noOwnKafka } from '../../../test/kafka.ts'
import { ownPostgres } from '../../../test/postgres.ts'
import type { Arm } from '../contract/arm.ts'
import { holdfastKafka } from './holdfast/arm.ts'
import { naiveKafkajsArm } from './naive-kafkajs/arm.ts'
import { drainedAudit, startArm, testDependency } from './testing.ts'

// A Kafka, a database and two processes on a machine that does other things as well: only a hang meets this.
vi.setConfig({ testTimeout: 300_000 })

// Short: a consumer that is killed is missed by the brokers after that.
const naive = naiveKafkajsArm({ sessionMs: 6_000 })
const AWAY = 20

describe.skipIf(noOwnKafka)('on a Kafka', () => {
  test.each<{ arm: Arm; flags: string[]; words: string; dead: 'some' | 'none' }>([
    {
      arm: naive,
      flags: [],
      dead: 'some',
      words: 'gives up events for an outage, keeps them aside, and loses none',
    },
    {
      arm: naive,
      flags: ['outage-waits', 'inbox'],
      dead: 'none',
      words: 'applies all once its mistakes are cured',
    },
    { arm: holdfastKafka, flags: [], dead: 'none', words: 'waits for the database and applies all in order' },
  ])('$arm.name $flags $words', async ({ arm, flags, dead }) => {
    const [broker, postgres] = await Promise.all([testDependency('kafka'), ownPostgres()])
    const running = await startArm(arm, postgres.url, { flags, dependencies: [broker] })
    await running.sender.post(2)
    await drainedAudit(running)

    await postgres.kill()
    expect(isAlive(postgres.pid)).toBe(false)
    const accepted = Array.from({ length: AWAY }, () => 'accepted')
    expect(await running.sender.post(AWAY)).toEqual(accepted)
    if (dead === 'some')
      await until('an event is given up', async () => ((await running.sample()).deadLetters ?? 0) > 0)
    else await until('events wait', async () => ((await running.sample()).lag ?? 0) > 0)
    await postgres.again()

    const { findings, counts } = await drainedAudit(running)
    expect(findings).toMatchObject({ lost: [], doubled: [], ghosts: [], inversions: [], aggregates: [] })
    expect(counts.dead > 0).toBe(dead === 'some')
    expect(counts.done + counts.dead).toBe(AWAY + 2)
  })
})
