import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { GroupStatus } from '../../src/consume/index.ts'
import { kafka } from '../../src/drivers/kafka/index.ts'
import type { Logger } from '../../src/event/index.ts'
import { topic } from '../../src/schema/index.ts'
import { app, type App } from '../../src/server/app.ts'
import { groupPause, groupReset, groupResume, operate } from '../../src/server/operations/index.ts'
import { observed } from '../harness/observed.ts'
import { until } from '../harness/until.ts'
import { fileKafka, noOwnKafka } from '../kafka.ts'

const moved = topic('moved', {
  key: 'who',
  partitions: 1,
  events: { moved: z.object({ who: z.string(), n: z.number() }) },
})
const PATIENCE_MS = 120_000

describe.skipIf(noOwnKafka)("positions that somebody else's tool has changed", { timeout: 300_000 }, () => {
  const own = fileKafka(() => ({}))
  const tool = async (group: string, ...args: string[]): Promise<void> => {
    const where = ['--bootstrap-server', own.cluster.brokers, '--group', group]
    const main = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
    const run = await own.cluster.tool(main, [...where, ...args])
    expect(run.code, run.stderr + run.stdout).toBe(0)
  }

  /** An app whose group fails with the events of ada, or with none. */
  async function start(group: string, fails: boolean): Promise<Running> {
    const said: string[] = []
    const done: number[] = []
    const line = (_: unknown, message: string): void => void said.push(message)
    const logger: Logger = { debug() {}, info: line, warn: line, error: line }
    const log = kafka({ brokers: own.cluster.brokers.split(','), replication: { factor: 1 } })
    const shop = app({ name: 'shop', log, logger })
    const retry = Array.from({ length: 60 }, () => '1s' as const)
    shop.consumer(group, moved, { from: 'latest', retry }).on('moved', event => {
      if (event.data.who === 'ada' && fails) throw new Error('not now')
      done.push(event.data.n)
    })
    await shop.start()
    onTestFinished(() => shop.stop())
    return { shop, said, done }
  }

  const statusOf = async ({ shop }: Running): Promise<GroupStatus> => {
    const [status] = await shop.groups()
    if (!status) throw new Error('no group')
    return status
  }

  /** Nothing is left: ada's three that waited, and the four from the seventh on, which come from the topic. */
  const allDone = (running: Running): Promise<unknown> =>
    until(
      'everything is done',
      async () => {
        const { parked, lag } = await statusOf(running)
        return parked === 0 && lag === 0n && running.done.length >= 7
      },
      PATIENCE_MS,
    )

  /** Ten events, of which the even ones are ada's and fail. Answers the offset of the first. */
  async function withParked(group: string): Promise<{ readonly first: bigint; readonly running: Running }> {
    const running = await start(group, true)
    await until('the group has its partition', async () => (await statusOf(running)).partitions.length === 1)
    let first: bigint | undefined
    for (let n = 0; n < 10; n++) {
      const who = n % 2 === 0 ? 'ada' : 'bob'
      const { offset } = await running.shop.publish(moved, 'moved', { who, n })
      first ??= offset
    }
    await until(
      'five are done and five wait',
      async () => {
        const { parked, lag } = await statusOf(running)
        return running.done.length === 5 && parked === 5 && lag === 0n
      },
      PATIENCE_MS,
    )
    await running.shop.stop()
    return { first: first ?? 0n, running }
  }

  it('a group that is set back by the tool loses nothing that waits for a retry, keeps the order of its key, and says what happened', async () => {
    const { first } = await withParked('reset')
    await tool('reset', '--reset-offsets', '--topic', 'moved', '--to-offset', String(first + 6n), '--execute')
    const again = await start('reset', false)
    await allDone(again)
    const adas = again.done.filter(n => n % 2 === 0)
    // 0, 2 and 4 waited in the lane below the new position; 6 and 8 come from the topic again.
    expect(adas).toEqual([0, 2, 4, 6, 8])
    expect(again.done.filter(n => n % 2 === 1)).toEqual([7, 9])
    const line = again.said.find(one => one.includes('has no note'))
    expect(line).toContain('stays there, 3 events')
    observed(`done after the reset: ${again.done.join(' ')}; said: ${line}`)
  })

  it('a group whose positions are gone does not begin anew, and goes on where somebody decides', async () => {
    const { first } = await withParked('gone')
    await tool('gone', '--delete-offsets', '--topic', 'moved')
    const again = await start('gone', false)
    const { partitions } = await until('the partition is stopped', async () => {
      const status = await statusOf(again)
      return status.partitions.some(one => one.state === 'stopped') && status
    })
    expect(partitions[0]?.reason).toContain('gone has worked on moved/0 before')
    expect(again.done).toEqual([])
    const call = operate(again.shop)
    const reason = 'they were deleted'
    await call(groupPause, { group: 'gone' }, { reason })
    const input = { group: 'gone', toOffset: String(first + 6n) }
    await call(groupReset, input, { reason, execute: true })
    await call(groupResume, { group: 'gone' }, { reason })
    await allDone(again)
    expect(again.done.filter(n => n % 2 === 0)).toEqual([0, 2, 4, 6, 8])
  })
})

interface Running {
  readonly shop: App<boolean>
  readonly said: readonly string[]
  readonly done: readonly number[]
}
