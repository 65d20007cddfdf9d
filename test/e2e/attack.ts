import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'vitest'
import { until } from '../harness/until.ts'
import { allRun, running } from './consumers.ts'
import { freezeWithinTransactions } from './freeze.ts'
import type { Consumer, System } from './system.ts'

/** What was done to processes, and how they were seen to take it. */
interface Attacked {
  /** Ended by SIGKILL. */
  readonly killed: number[]
  /** Stood still beyond their lease while others took their partitions over. */
  readonly frozen: number[]
  /** Transactions that stood open in those. */
  readonly openTransactions: number
  /** Ended by SIGTERM, with exit 0. */
  readonly stopped: number[]
}

/**
 * One consumer is killed, one frozen beyond its lease and thawed, one stopped, in an order and at moments that `random`
 * chooses; others take their places, also in `consumers`.
 */
export async function attack(
  system: System,
  consumers: Consumer[],
  groups: readonly string[],
  random: () => number,
): Promise<Attacked> {
  const done: Attacked = { killed: [], frozen: [], openTransactions: 0, stopped: [] }
  let open = 0
  const replace = async (i: number): Promise<void> => {
    consumers[i] = await system.startConsumer()
    await allRun(consumers, groups)
  }
  const faults = [
    async (i: number, { child }: Consumer): Promise<void> => {
      const { pid, signal } = await child.kill()
      expect(signal).toBe('SIGKILL')
      done.killed.push(pid)
      await replace(i)
    },
    async (i: number, frozen: Consumer): Promise<void> => {
      open += await freezeWithinTransactions(frozen.child, system)
      await allRun(
        consumers.filter((_, other) => other !== i),
        groups,
      )
      await frozen.child.thaw()
      done.frozen.push(frozen.child.pid)
      await until('the frozen one runs something again', async () => (await running([frozen])).size > 0)
    },
    async (i: number, { child }: Consumer): Promise<void> => {
      const { pid, code } = await child.terminate()
      expect(code).toBe(0)
      done.stopped.push(pid)
      await replace(i)
    },
  ]
  const order = faults.map(fault => ({ fault, at: random() })).toSorted((a, b) => a.at - b.at)
  for (const { fault } of order) {
    await wait(300 + 900 * random())
    const i = Math.floor(random() * consumers.length)
    const chosen = consumers[i]
    if (chosen) await fault(i, chosen)
  }
  return { ...done, openTransactions: open }
}
