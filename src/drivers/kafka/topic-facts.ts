import { HoldfastError } from '../../event/index.ts'
import type { TopicSettings } from '../../log/index.ts'
import type { Cluster } from './cluster.ts'
import { readConfigs, TOPIC } from './configs.ts'
import type { Link } from './link.ts'

/** How a topic is set on the brokers. */
export interface TopicFacts {
  readonly retentionMs: number | undefined
  readonly retentionBytes: number | undefined
  readonly maxMessageBytes: number
  readonly minInsync: number
}

/** Undefined for a topic that does not exist. Without leave to look, what Kafka sets when nobody says anything. */
export async function readTopicFacts(
  cluster: Cluster,
  link: Link,
  topic: string,
): Promise<TopicFacts | undefined> {
  const wanted = { kind: TOPIC, name: topic, keys: Object.values(keys) }
  const set = await readConfigs(link, await cluster.controller(), wanted)
  if (set === 'missing') return undefined
  if (set === 'denied') return unknown
  const number = (key: string): number | undefined => {
    const value = Number(set.get(key) ?? Number.NaN)
    return Number.isFinite(value) && value >= 0 ? value : undefined // -1 keeps for ever
  }
  return {
    retentionMs: number(keys.retentionMs),
    retentionBytes: number(keys.retentionBytes),
    maxMessageBytes: number(keys.maxMessageBytes) ?? unknown.maxMessageBytes,
    minInsync: number(keys.minInsync) ?? unknown.minInsync,
  }
}

/** Retention as a topic is set to it: without a bound it must be said, or the brokers take theirs. */
export function retentionConfigs(to: TopicSettings): { name: string; value: string }[] {
  return [
    { name: keys.retentionMs, value: String(to.retentionMs ?? FOR_EVER) },
    { name: keys.retentionBytes, value: String(to.retentionBytes ?? FOR_EVER) },
  ]
}

export function topicConfigs(
  minInsync: number | undefined,
  maxRecordBytes: number,
): { name: string; value: string }[] {
  // A batch of one record with many headers takes more than what counts of it.
  const maxMessageBytes = Math.max(unknown.maxMessageBytes, Math.ceil(maxRecordBytes * 1.05) + 65_536)
  return [
    ...(minInsync === undefined ? [] : [{ name: keys.minInsync, value: String(minInsync) }]),
    { name: keys.maxMessageBytes, value: String(maxMessageBytes) },
  ]
}

const FOR_EVER = -1

const keys = {
  retentionMs: 'retention.ms',
  retentionBytes: 'retention.bytes',
  maxMessageBytes: 'max.message.bytes',
  minInsync: 'min.insync.replicas',
} as const

/** The defaults of Kafka. */
const unknown: TopicFacts = {
  retentionMs: undefined,
  retentionBytes: undefined,
  maxMessageBytes: 1_048_588,
  minInsync: 1,
}

/** Retention settings as the port speaks of them. */
export function sameRetention(a: TopicSettings | TopicFacts, b: TopicSettings | TopicFacts): boolean {
  return a.retentionMs === b.retentionMs && a.retentionBytes === b.retentionBytes
}

export function missingTopic(topic: string): HoldfastError {
  return new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `topic ${topic}`, facts: { topic } })
}
