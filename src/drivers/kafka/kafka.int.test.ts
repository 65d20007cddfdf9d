import { describe } from 'vitest'
import { fileKafka, noOwnKafka, type KafkaCluster } from '../../../test/kafka.ts'
import { until } from '../../../test/harness/until.ts'
import { isHoldfastError, seededRandom, silentLogger, systemClock } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { describeLog, type LogUnderTest, type SuiteSettings } from '../../log/suite/index.ts'
import { openKafka, type KafkaSystem } from './kafka.ts'
import { resolveKafkaOptions, type ResolvedKafkaOptions } from './options.ts'

describe.skipIf(noOwnKafka)('Kafka', () => {
  const own = fileKafka(() => ({
    nodes: 1,
    properties: { 'group.min.session.timeout.ms': '500', 'group.initial.rebalance.delay.ms': '0' },
  }))

  describeLog(
    'Kafka',
    {
      deduplicates: { reason: 'brokers know producers, not ids of events: the collector and the inbox do' },
      retains: { reason: 'the brokers delete, as topics are set' },
      persists: true,
      findsIds: { reason: 'it keeps no index: whoever asks reads what there is' },
      imports: true,
    },
    async settings => {
      const options = suiteOptions(own.cluster.brokers, settings)
      await empty(own.cluster, options)
      return kafkaUnderTest(options)
    },
  )
})

function suiteOptions(
  brokers: string,
  { maxRecordBytes, beatMs, revokeTimeoutMs }: SuiteSettings,
): ResolvedKafkaOptions {
  return resolveKafkaOptions({
    brokers: brokers.split(','),
    replication: { factor: 1 },
    maxRecordBytes,
    groups: {
      beat: `${beatMs}ms`,
      // A broker counts by its own clock: who dies in the suite is missed after this.
      session: '6s',
      rebalanceTimeout: `${Math.max(6_000, 2 * revokeTimeoutMs)}ms`,
      revokeTimeout: `${revokeTimeoutMs}ms`,
      growth: '200ms',
    },
  })
}

function kafkaUnderTest(options: ResolvedKafkaOptions): LogUnderTest {
  const opened = new Map<LogSystem, KafkaSystem>()
  return {
    driver: {
      kind: 'kafka',
      where: 'the suite',
      async open(env) {
        const system = await openKafka(options, env)
        opened.set(system, system)
        return system
      },
    },
    crash: async system => opened.get(system)?.abandon(),
  }
}

/** The suite's promises each want an empty log, and name their topics and groups alike. */
async function empty(cluster: KafkaCluster, options: ResolvedKafkaOptions): Promise<void> {
  const system = await openKafka(options, {
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
  })
  const { log, groups } = system
  for (const group of await groups.list()) {
    await until(`group ${group} is gone`, async () => {
      try {
        await groups.delete(group)
        return true
      } catch (error) {
        if (!isHoldfastError(error, 'GROUP_ACTIVE')) throw error
        // Members of a system that crashed, for the rest of their session.
        await cluster.ask(admin => admin.removeMembersFromConsumerGroup({ groupId: group, members: null }))
        return undefined
      }
    })
  }
  for (const topic of await log.topics.list()) await log.topics.delete(topic)
  await system.close()
}
