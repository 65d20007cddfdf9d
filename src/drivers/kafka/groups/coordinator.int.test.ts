import { describe, expect, it, onTestFinished } from 'vitest'
import { observed } from '../../../../test/harness/observed.ts'
import { until } from '../../../../test/harness/until.ts'
import { noOwnKafka, ownKafka } from '../../../../test/kafka.ts'
import {
  offset,
  partitionId,
  seededRandom,
  silentLogger,
  systemClock,
  type Offset,
} from '../../../event/index.ts'
import type { OwnedPartition } from '../../../log/index.ts'
import { openKafka } from '../kafka.ts'
import { resolveKafkaOptions } from '../options.ts'

describe.skipIf(noOwnKafka)('the coordinator of a group', () => {
  it.each(['killed', 'frozen'] as const)(
    'hazard 37: is %s: members keep what they have, and their positions are stored by the next one',
    { timeout: 240_000 },
    async how => {
      const cluster = await ownKafka({ nodes: 3 })
      const options = resolveKafkaOptions({
        brokers: cluster.brokers,
        groups: { beat: '200ms', session: '120s', rebalanceTimeout: '120s' },
      })
      const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
      const system = await openKafka(options, env)
      onTestFinished(() => system.close())
      await system.log.topics.create('t', { partitions: 4 })
      for (let partition = 0; partition < 4; partition++)
        await system.log.append(
          't',
          Array.from({ length: 200 }, () => ({ partition, value: new Uint8Array(), headers: {} })),
        )

      const owned = new Map<string, OwnedPartition>()
      const lost: string[] = []
      for (const name of ['a', 'b'])
        await system.groups.join('g', ['t'], {
          name,
          assigned: partitions => partitions.forEach(one => owned.set(partitionId(one), one)),
          async revoking() {},
          lost: partitions => lost.push(...partitions.map(partitionId)),
        })
      await until('both have two', async () => {
        const { partitions } = await system.groups.describe('g')
        const of = (name: string): number => partitions.filter(({ owner }) => owner === name).length
        return of('a') === 2 && of('b') === 2
      })
      const before = new Map(owned)
      const store = async (at: Offset): Promise<string[]> => {
        const commits = [...owned.values()].map(one => ({ ...one, offset: at }))
        return (await system.groups.commit('g', commits)).map(({ kind }) => kind)
      }
      const four = ['committed', 'committed', 'committed', 'committed']
      expect(await store(offset(1))).toEqual(four)

      const coordinator = await cluster.coordinatorOf('g')
      if (how === 'killed') await coordinator.kill()
      else coordinator.pause()
      const began = performance.now()
      expect(await store(offset(2))).toEqual(four)
      const tookMs = Math.round(performance.now() - began)
      // Of the brokers that are up: it is named among those to begin with, and is not waited for.
      expect(await system.groups.list()).toEqual(['g'])
      if (how === 'killed') await coordinator.start()
      else coordinator.resume()
      // Not before: the client that asks waits for whom it has a connection to, the frozen one too. That one names itself
      // until it has heard of the other.
      const next = await until('another one coordinates', async () => {
        const one = await cluster.coordinatorOf('g')
        return one.id === coordinator.id ? undefined : one
      })
      expect(await store(offset(3))).toEqual(four)
      expect((await system.groups.committed('g')).map(({ offset }) => offset)).toEqual([3n, 3n, 3n, 3n])
      expect(lost).toEqual([])
      expect(owned).toEqual(before)
      observed(`broker ${coordinator.id} was ${how}; positions were stored by ${next.id} after ${tookMs} ms`)
    },
  )
})
