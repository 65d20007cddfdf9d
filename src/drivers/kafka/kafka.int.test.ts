import { describe } from 'vitest'
import { emptyKafka, fileKafka, noOwnKafka } from '../../../test/kafka.ts'
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
      // The suite's promises each want an empty log, and name their topics and groups alike.
      await emptyKafka(own.cluster.brokers)
      return kafkaUnderTest(suiteOptions(own.cluster.brokers, settings))
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
