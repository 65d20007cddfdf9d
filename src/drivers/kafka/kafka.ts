import type { LogDriver, LogEnvironment, LogSystem } from '../../log/index.ts'
import { kafkaGroups } from './groups/index.ts'
import { kafkaImports } from './import.ts'
import { linkMaker } from './link.ts'
import { KafkaLog } from './log.ts'
import { resolveKafkaOptions, type KafkaOptions, type ResolvedKafkaOptions } from './options.ts'

/**
 * A log on a cluster of Apache Kafka. An acknowledged append survives the loss of a broker when its topic has three copies
 * of which two must be in step, which topics have that are made here; {@link KafkaOptions.durability} insists on it.
 *
 * Needs the npm package `@platformatic/kafka`. Opens without a broker: it is looked for when something is asked.
 */
export function kafka(options: KafkaOptions): LogDriver {
  const resolved = resolveKafkaOptions(options)
  return {
    kind: 'kafka',
    where: resolved.connection.brokers.map(({ host, port }) => `${host}:${port}`).join(','),
    remote: true,
    open: env => openKafka(resolved, env),
  }
}

export interface KafkaSystem extends LogSystem {
  /** As if the process had died: nothing is drained, no group is left. For the suite. */
  abandon(): Promise<void>
}

export async function openKafka(options: ResolvedKafkaOptions, env: LogEnvironment): Promise<KafkaSystem> {
  const makeLink = await linkMaker(options.connection)
  const log = new KafkaLog({ ...env, makeLink, deleting: topic => groups.forgetTopic(topic) }, options)
  const { cluster, positions } = log
  const groups = kafkaGroups(
    {
      ...env,
      makeLink,
      brokers: () => [...cluster.brokers(), ...options.connection.brokers],
      live: () => cluster.live(),
      partitions: async topic => (await cluster.topic(topic, { fresh: true }))?.partitions.length,
      ends: partitions => positions.ends(partitions),
    },
    options.groups,
  )
  return {
    log,
    groups,
    features: {
      deduplicates: { reason: 'brokers know producers, not ids of events: the collector and the inbox do' },
      retains: { reason: 'the brokers delete, as topics are set' },
      persists: true,
      findsIds: { reason: 'it keeps no index: whoever asks reads what there is' },
      imports: true,
    },
    imports: kafkaImports(log, groups),
    examine: topics => log.examine(topics),
    failed: new Promise(() => {}), // what is away comes back; nothing here makes the process unfit
    async close() {
      await groups.close()
      await log.close()
    },
    async abandon() {
      await groups.abandon()
      await log.abandon()
    },
  }
}
