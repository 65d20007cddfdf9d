import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../src/server/processes.ts'
import type { KafkaNode } from '../../src/server/kafka/kafka-node.ts'
import { kafkaAnswers } from '../../src/server/kafka/kafka-answers.ts'
import type { Child } from '../harness/child.ts'
import { noOtherHost, otherHost, type OtherHost } from '../harness/cut-off.ts'
import { startLoad, together, type FinishedLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { longRate, scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { fileKafka, noOwnKafka } from '../kafka.ts'
import { moves } from '../apps/moves-topic.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { allDone, startShared } from './consumers.ts'
import type { System } from './system.ts'

const groups = ['each', 'batch'] as const

/** What the tests before sent to the same cluster: its log holds that too. */
const earlier: FinishedLoad[] = []

describe.skipIf(noOwnKafka)('three brokers, under load, with two processes of consumers', () => {
  let host: OtherHost | undefined
  const kafka = fileKafka(() => {
    host = noOtherHost === undefined ? otherHost() : undefined
    return { nodes: 3, ...(host && { placeOf: placeWith(host) }) }
  })
  afterAll(() => host?.remove())

  test('hazards 25, 32: a leader that is killed, one that freezes, a coordinator that is killed and a restart of all three: nothing lost, doubled or out of order', async () => {
    const { cluster } = kafka
    const { system, consumers } = await startShared(
      { groups, brokers: cluster.brokers.split(','), deadline: '60s' },
      2,
    )
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
          await wait(scale({ short: 4_000, long: 15_000 }))
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
    for (const fault of faults) {
      const { load, seen } = await under(system, fault)
      const ended = performance.now()
      await drained(system.app)
      await allDone(consumers, groups)
      observed(`${seen}; lag 0 after ${seconds(performance.now() - ended)} s`)
      loads.push(load)
    }
    earlier.push(...loads)
    const ledger = together(loads)
    expectClean(await auditLog(system, ledger))
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })

  test.skipIf(noOtherHost)(
    'hazards 31, 32: a broker that is cut off from the two others: nobody is told that it has a quorum, and nothing is lost, doubled or out of order',
    async () => {
      const { cluster } = kafka
      const minority = cluster.nodes[2]
      if (!host || !minority) throw new Error('no other host')
      const other = host
      const { system, consumers } = await startShared(
        { groups, brokers: cluster.brokers.split(','), deadline: '60s' },
        2,
      )
      await cluster.inSync('moves')
      // Its door and its clients are on the host of that broker.
      const inside = await system.startCollector(other.prefix)
      const rate = scale({ short: 50, long: longRate })
      const load = (run: string, seconds: number) => ({
        ...system.load,
        run,
        seconds,
        ratePerSecond: rate,
        keys: 200,
        seed,
      })
      // With keys of its own: what waits in one collector's spool is not ordered with what another one takes.
      const there = { url: inside.url, firstKey: 200 }
      const before = await startLoad({ ...load('before', 2), ...there }, other.prefix)
      const whole = await before.finished()
      expect(whole.summary.durability).toEqual({ quorum: whole.summary.planned })

      const outside = await startLoad(load('outside', scale({ short: 15, long: 60 })))
      other.cut()
      expect(await kafkaAnswers(other.inside, Number(minority.address.split(':')[1]), 2_000)).toBe(false)
      await until('the others lead all partitions', async () => {
        const leaders = await cluster.leadersOf('moves')
        return leaders.length === moves.partitions && !leaders.includes(minority.id)
      })
      const cut = await startLoad(
        { ...load('inside', scale({ short: 4, long: 30 })), ...there, ratePerSecond: 50 },
        other.prefix,
      )
      const alone = await cut.finished()
      other.heal()
      await cluster.inSync('moves')
      const others = await outside.finished()
      const loads = [whole, alone, others]
      const ledger = together(loads)
      const ended = performance.now()
      await drained(inside.child)
      await allDone(consumers, groups)
      observed(
        `node 3 (pid ${minority.pid}) cut off until the others led everything; its side answered ${JSON.stringify(alone.summary.why)}, durable as ${JSON.stringify(alone.summary.durability)}, the others ${JSON.stringify(others.summary.why)}; lag 0 after ${seconds(performance.now() - ended)} s`,
      )
      expect(alone.summary.durability['quorum'] ?? 0).toBe(0)
      expect(alone.summary.sent).toBeGreaterThan(0)
      // What the cut-off collector had sent and got no answer for is in its spool too, and in the log twice if a broker took
      // it after all: groups know it by its id.
      const { findings } = await auditLog(system, together([...earlier, ...loads]))
      expect(findings).toMatchObject({ lost: [], ghosts: [], altered: [], inversions: [] })
      expect(findings.doubled.filter(({ id }) => !id.startsWith('inside-'))).toEqual([])
      for (const group of groups) expectClean(await auditGroup(system, ledger, group))
    },
  )
})

/** Waits until a collector, maybe on a host whose pages nobody here can read, has given its spool to the brokers. */
async function drained({ stderr }: Child): Promise<void> {
  await until('its spool is empty', () => {
    const states = stderr.filter(line => /the log is away: |the spool is empty: /.test(line))
    return states.at(-1)?.includes('the log is away: ') !== true
  })
}

interface Fault {
  readonly name: string
  /** Answers what was seen, when the cluster is whole again. */
  readonly begin: () => Promise<string>
}

/** Does something to the brokers while events come in, and says what it was and how they were answered. */
async function under(
  system: System,
  { name, begin }: Fault,
): Promise<{ readonly load: FinishedLoad; readonly seen: string }> {
  const began = performance.now()
  const load = await startLoad({
    ...system.load,
    run: name,
    ratePerSecond: scale({ short: 100, long: longRate }),
    seconds: scale({ short: 8, long: 60 }),
    keys: 200,
    seed,
  })
  await wait(1_000)
  const fault = await begin()
  const over = performance.now() - began
  const finished = await load.finished()
  const { planned, why, acceptedMs, unsent } = finished.summary
  expect(unsent).toBe(0)
  const answers = `answers ${JSON.stringify(why)}, the slowest after ${Math.round(acceptedMs.max)} ms`
  return {
    load: finished,
    seen: `${fault}, all over after ${seconds(over)} s of ${planned} events; ${answers}`,
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}

function placeWith(host: OtherHost) {
  return (id: number): { host: string; prefix: readonly string[] } =>
    id === 3 ? { host: host.inside, prefix: host.prefix } : { host: host.outside, prefix: [] }
}
