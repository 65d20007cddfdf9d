import { describe, expect, test as base } from 'vitest'
import { isAlive } from '../../../src/server/processes.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { noOwnKafka } from '../../../test/kafka.ts'
import { holdfastKafka } from './holdfast/arm.ts'
import { arms } from './index.ts'
import { naiveKafkajs, naiveKafkajsArm } from './naive-kafkajs/arm.ts'
import { drainedAudit, startArm, testDependency } from './testing.ts'

// The processes of `holdfast-kafka` are those of `holdfast`.
const distinct = Object.values(arms)
  .filter(arm => arm !== holdfastKafka)
  .map(arm => (arm === naiveKafkajs ? naiveKafkajsArm({ sessionMs: 6_000 }) : arm))

describe.each(distinct)('$name', arm => {
  const test = base.skipIf(arm.needs.includes('kafka') && noOwnKafka !== undefined)
  const database = testDatabase()

  test('turns each event into one row; what customers talk to can be slowed, every process frozen, killed and started again; none is left behind', async () => {
    const dependencies = await Promise.all(arm.needs.map(testDependency))
    const running = await startArm(arm, database.url, { dependencies })
    const pids = [...running.services.values()].map(({ pid }) => pid ?? 0)
    expect(new Set(pids).size).toBe(running.services.size)
    expect(await running.sender.post(3)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(await drainedAudit(running)).toMatchObject({ clean: true, counts: { rows: 3, done: 3 } })

    const [first] = running.services.values()
    await first?.slow?.(400)
    const began = performance.now()
    expect(await running.sender.post(1)).toEqual(['accepted'])
    expect(performance.now() - began).toBeGreaterThanOrEqual(400)
    await first?.slow?.(0)

    for (const service of running.services.values()) {
      const { pid } = service
      expect(await service.freeze()).toBe(`${service.name} (pid ${pid}) is stopped`)
      await service.thaw()
      expect(await service.kill()).toBe(`${service.name} (pid ${pid}) ended by SIGKILL`)
      expect([service.pid, isAlive(pid ?? 0)]).toEqual([undefined, false])
      await service.restart()
      pids.push(service.pid ?? 0)
    }
    expect(await running.sender.post(2)).toEqual(['accepted', 'accepted'])
    expect(await drainedAudit(running)).toMatchObject({ clean: true, counts: { rows: 6, done: 6 } })

    await running.stop()
    expect(pids.filter(isAlive)).toEqual([])
  })
})
