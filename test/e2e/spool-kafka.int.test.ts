import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { isAlive } from '../../src/server/processes.ts'
import type { Child } from '../harness/child.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { longRate, scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { noOwnKafka, ownKafka, type KafkaCluster } from '../kafka.ts'
import { auditGroup, expectClean } from './audited.ts'
import { startSystem, type System } from './system.ts'

const groups = ['each', 'batch'] as const
const AWAY = 'the log is away: events are kept in the spool'
const BACK = 'the log takes events again: the spool is drained'
const EMPTY = 'the spool is empty: events go to the log'

describe.skipIf(noOwnKafka)('a collector whose broker is away', () => {
  test('hazard 32: answers 202 from its spool under load, and everything is applied once and in order when the broker is back', async () => {
    const { cluster, system } = await start()
    const seconds = scale({ short: 10, long: 150 })
    const ratePerSecond = scale({ short: 100, long: longRate })
    const load = await startLoad({ ...system.load, run: 's', ratePerSecond, seconds, keys: 100, seed })
    await wait(1_000)
    const pid = await killBroker(cluster)
    await said(system.app, AWAY)
    await wait(scale({ short: 3_000, long: 60_000 }))
    const away = await metrics(system)
    expect(away.state('SPOOLING')).toBe(1)
    await cluster.nodes[0]?.start()
    await said(system.app, BACK)
    const { summary, ledger } = await load.finished()
    const ended = performance.now()
    await emptied(system)
    await system.drained()
    const laggedMs = Math.round(performance.now() - ended)
    const spooled = (await metrics(system)).value('spool_written_messages_total', 'topic="moves"')
    observed(
      `broker ${pid} killed; ${summary.accepted} accepted, ${spooled} of them from the spool; lag 0 ${laggedMs} ms after the last`,
    )
    expect(spooled).toBeGreaterThan(100)
    // Nobody was refused for it.
    expect(summary.refused).toBe(0)
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })

  test('hazard 1: is killed while it spools, while it drains and while all is well, and started while the broker is away: nothing lost, doubled or out of order', async () => {
    const { cluster, system } = await start()
    const seconds = scale({ short: 40, long: 300 })
    const load = await startLoad({ ...system.load, run: 'k', ratePerSecond: 100, seconds, keys: 100, seed })
    const killed: string[] = []
    const kill = async (state: string): Promise<void> => {
      const { pid, signal } = await system.app.kill()
      expect(signal).toBe('SIGKILL')
      killed.push(`${pid} ${state}`)
    }
    await wait(1_000)
    await kill('NORMAL')
    await system.startApp()
    for (let tries = 0; !killed.some(kill => kill.endsWith('DRAINING')); tries++) {
      expect(tries, 'a process was killed while it drained').toBeLessThan(4)
      await emptied(system)
      await killBroker(cluster)
      await said(system.app, AWAY)
      await wait(2_000)
      if (tries === 0) {
        await kill('SPOOLING')
        await system.startApp() // without a broker
        await until('it serves', async () => (await metrics(system)).state('SPOOLING') === 1)
        await wait(2_000)
      }
      await cluster.nodes[0]?.start()
      const { app } = system
      while (!app.stderr.some(line => line.includes(BACK))) await wait(1)
      const { stderr } = app
      await kill(stderr.some(line => line.includes(EMPTY)) ? 'NORMAL' : 'DRAINING')
      if (stderr.some(line => line.includes(EMPTY))) killed.splice(-1, 1, 'too late')
      await system.startApp()
    }
    const { summary, ledger } = await load.finished()
    await emptied(system)
    await system.drained()
    observed(
      `SIGKILL to ${killed.join(', ')}; ${summary.accepted} accepted, ${summary.refused} refused while it was away`,
    )
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  })
})

async function start(): Promise<{ readonly cluster: KafkaCluster; readonly system: System }> {
  const cluster = await ownKafka()
  const system = await startSystem({
    groups,
    brokers: cluster.brokers.split(','),
    sessionMs: 6_000,
    deadline: '60s',
  })
  return { cluster, system }
}

async function killBroker(cluster: KafkaCluster): Promise<number> {
  const [node] = cluster.nodes
  const pid = node?.pid ?? 0
  await node?.kill()
  expect(isAlive(pid)).toBe(false)
  return pid
}

async function said(app: Child, words: string): Promise<void> {
  await until(`it says: ${words}`, () => app.stderr.some(line => line.includes(words)))
}

interface Metrics {
  state(state: string): number
  value(name: string, labels?: string): number
}

async function metrics({ adminPort }: System): Promise<Metrics> {
  const text = await fetch(`http://127.0.0.1:${adminPort}/metrics`).then(answer => answer.text())
  const value = (name: string, labels?: string): number => {
    const series = labels === undefined ? name : `${name}{${labels}}`
    const line = text.split('\n').find(each => each.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1) ?? 0)
  }
  return { value, state: state => value('spool_state', `state="${state}"`) }
}

async function emptied(system: System): Promise<void> {
  await until('the spool is empty', async () => {
    const now = await metrics(system)
    return now.state('NORMAL') === 1 && now.value('spool_events') === 0
  })
}
