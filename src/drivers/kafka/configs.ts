import { isAuthorization, isTopicUnknown, kafkaError } from './errors.ts'
import type { Broker, Link } from './link.ts'

/** Kinds of resources in DescribeConfigs and IncrementalAlterConfigs. */
export const TOPIC = 2 as const
export const BROKER = 4 as const

export interface ConfigResource {
  readonly kind: typeof TOPIC | typeof BROKER
  readonly name: string
  /** Defaults to all. */
  readonly keys?: readonly string[]
}

/**
 * What is set there, by Kafka's names; what has no value is left out. `denied`: this user may not see it; `missing`: a topic
 * that does not exist. Rejects as the log does.
 */
export async function readConfigs(
  link: Link,
  broker: Broker,
  { kind, name, keys }: ConfigResource,
): Promise<ReadonlyMap<string, string> | 'denied' | 'missing'> {
  const resource = { resourceType: kind, resourceName: name, configurationKeys: keys ? [...keys] : null }
  try {
    const { results } = await link.call(broker, 'DescribeConfigs', [resource], false, false)
    const configs = results[0]?.configs ?? []
    return new Map(configs.flatMap(({ name, value }) => (value == null ? [] : [[name, value]])))
  } catch (error) {
    if (isAuthorization(error)) return 'denied'
    if (kind === TOPIC && isTopicUnknown(error)) return 'missing'
    throw kafkaError(error, {
      doing: `look at the settings of ${kind === TOPIC ? 'topic' : 'broker'} ${name}`,
      grant: `DescribeConfigs on ${kind === TOPIC ? `topic ${name}` : 'the cluster'}`,
    })
  }
}
