import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../src/server/processes.ts'
import type { KafkaNode } from '../../src/server/kafka/kafka-node.ts'
import { noOtherHost, otherHost, type OtherHost } from '../harness/cut-off.ts'
import { startLoad, together, type FinishedLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { fileKafka, noOwnKafka } from '../kafka.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { allDone, startShared } from './consumers.ts'
import type { System } from './system.ts'

const groups = ['each', 'batch'] as const

describe.skipIf(noOwnKafka)('three brokers, under load, with two processes of consumers', () => {
  let host: OtherHost | undefined
  const kafka = fileKafka(() => {
    host = noOtherHost === undefined ? otherHost() : undefined
    return { nodes: 3, ...(host && { placeOf: placeWith(host) }) }
  })
  afterAll(() => host?.remove())

  test('hazards 25, 32: a leader that is killed, one that freezes, a coordinator that is killed and a restart of all three: nothing lost, doubled or out of order', async () => {
    const { cluster } = kafka
    const { system, consumers } = await startShared({ groups, brokers: cluster.brokers.split(',') }, 2)
    const awayMs = scale({ short: 4_000, long: 10_000 })
    const killed = async (node: KafkaNode): Promise<string> => {
      const { pid = 0 } = node
      await node.kill()
      expect(isAlive(pid)).toBe(false)
      await wait(awayMs)
      await node.start()
      await cluster.inSync('moves')
      return `node ${node.id} (pid ${pid}) killed`
    }
    const faults: readonly Fault[] = [
      {
        name: 'leader',
        begin: async () => {
          const leader = await cluster.leaderOf('moves', 0)
          const seen = await killed(leader)
          return `${seen}, which led partition 0`
        },
      },
      {
        name: 'frozen',
        begin: async () => {
          const leader = await cluster.leaderOf('moves', 0)
          leader.pause()
          await until('another one leads', async () => (await cluster.leaderOf('moves', 0)).id !== leader.id)
          await wait(awayMs)
          leader.resume()
          await cluster.inSync('moves')
          return `node ${leader.id} (pid ${leader.pid}) stopped until another led partition 0`
        },
      },
      {
        name: 'coordinator',
        begin: async () => {
          const coordinator = await cluster.coordinatorOf('each')
          const seen = await killed(coordinator)
          return `${seen}, which coordinated a group`
        },
      },
      {
        name: 'rolling',
        begin: async () => {
          const pids: string[] = []
          for (const node of cluster.nodes) {
            const { pid } = node
            await node.stop()
            await node.start()
            await cluster.inSync('moves')
            pids.push(`${pid}→${node.pid}`)
          }
          expect(new Set(pids).size).toBe(3)
          return `all restarted (${pids.join(', ')})`
        },
      },
    ]
    const loads: FinishedLoad[] = []
    for (const fault of faults) loads.push(await under(system, fault))
    await allDone(consumers, groups)
    const ledger = together(loads)
    expectClean(await auditLog(system, ledger))
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })
})

interface Fault {
  readonly name: string
  /** Answers what was seen, when the cluster is whole again. */
  readonly begin: () => Promise<string>
}

/** Does something to the brokers while events come in, and says what it was and how they were answered. */
async function under(system: System, { name, begin }: Fault): Promise<FinishedLoad> {
  const load = await startLoad({
    ...system.load,
    run: name,
    ratePerSecond: scale({ short: 100, long: 1_000 }),
    seconds: scale({ short: 8, long: 30 }),
    keys: 200,
    seed,
  })
  await wait(1_000)
  const seen = await begin()
  const finished = await load.finished()
  const { why, acceptedMs, unsent } = finished.summary
  observed(`${seen}; answers ${JSON.stringify(why)}, the slowest after ${Math.round(acceptedMs.max)} ms`)
  expect(unsent).toBe(0)
  return finished
}

function placeWith(host: OtherHost) {
  return (id: number): { host: string; prefix: readonly string[] } =>
    id === 3 ? { host: host.inside, prefix: host.prefix } : { host: host.outside, prefix: [] }
}
