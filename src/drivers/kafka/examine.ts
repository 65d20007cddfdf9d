import type { Finding } from '../../event/index.ts'
import type { WantedTopic } from '../../log/index.ts'
import type { Cluster } from './cluster.ts'
import { BROKER, readConfigs, TOPIC } from './configs.ts'
import type { Link } from './link.ts'
import { isQuorum, type ResolvedKafkaOptions } from './options.ts'
import { topicConfigs } from './topic-facts.ts'

export interface ExamineDeps {
  readonly cluster: Cluster
  readonly link: Link
  readonly options: Pick<ResolvedKafkaOptions, 'durability' | 'maxRecordBytes'>
}

/** Compares topics with what the brokers have. Changes nothing. Rejects as the log does. */
export async function examine(
  wanted: readonly WantedTopic[],
  { cluster, link, options }: ExamineDeps,
): Promise<readonly Finding[]> {
  const topics = new Map<string, FoundTopic>()
  for (const { name } of wanted) {
    const view = await cluster.topic(name, { fresh: true })
    if (view === undefined) continue
    const copies = Math.min(...view.partitions.map(({ factor }) => factor))
    topics.set(name, {
      partitions: view.partitions.length,
      copies,
      settings: await settingsOf(link, cluster, name),
    })
  }
  return driftOf(wanted, { topics, positionsKeptMs: await positionsKept(link, cluster) }, options)
}

/** A topic as the brokers have it. */
export interface FoundTopic {
  readonly partitions: number
  /** Of the partition with the fewest. */
  readonly copies: number
  /** By Kafka's names; undefined when this user may not see them. */
  readonly settings: ReadonlyMap<string, string> | undefined
}

export interface FoundCluster {
  readonly topics: ReadonlyMap<string, FoundTopic>
  /** After how long without a member a group's positions are forgotten; undefined when this user may not see it. */
  readonly positionsKeptMs: number | undefined
}

/** One finding for each thing that is not as it is declared, or loses events. Topics that are not there are made at the start. */
export function driftOf(
  wanted: readonly WantedTopic[],
  found: FoundCluster,
  options: ExamineDeps['options'],
): readonly Finding[] {
  const most = Math.max(1, ...[...found.topics.values()].map(({ copies }) => copies))
  const findings = wanted.flatMap(topic => {
    const there = found.topics.get(topic.name)
    return there === undefined ? [] : [...driftOfOne(topic, there, most, options)]
  })
  const positions = shortPositions(wanted, found.positionsKeptMs)
  if (findings.length + positions.length > 0) return [...findings, ...positions]
  const there = found.topics.size
  return [
    {
      check: 'kafka topics',
      status: 'ok',
      found: `${there} of ${wanted.length} are there, as they are declared`,
    },
  ]
}

function* driftOfOne(
  wanted: WantedTopic,
  { partitions, copies, settings }: FoundTopic,
  most: number,
  { durability, maxRecordBytes }: ExamineDeps['options'],
): Generator<Finding> {
  const check = `topic ${wanted.name}`
  const needsQuorum = durability === 'quorum'
  const set = (change: string): string =>
    `kafka-configs.sh --alter --entity-type topics --entity-name ${wanted.name} --add-config ${change}`
  if (partitions < wanted.partitions)
    yield {
      check,
      status: 'warn',
      found: `${wanted.partitions} partitions are declared, it has ${partitions}`,
      advice: 'The next start adds the others. Keys move to them: what waits in the old ones may come later.',
    }
  const value = (key: string): string | undefined => settings?.get(key)
  const minInsync = Number(value('min.insync.replicas') ?? 1)
  if (needsQuorum && !isQuorum(copies, minInsync))
    yield {
      check,
      status: 'fail',
      found: `durability quorum takes 3 copies with min.insync.replicas 2, it has ${copies} with ${minInsync}`,
      advice: `The app does not start on it. More copies: kafka-reassign-partitions.sh. ${set('min.insync.replicas=2')}`,
    }
  else if (copies < most)
    yield {
      check,
      status: 'warn',
      found: `it has ${copies} ${copies === 1 ? 'copy' : 'copies'}, others of this app have ${most}`,
      advice: 'It is lost with fewer brokers than they are: kafka-reassign-partitions.sh adds copies.',
    }
  else if (copies >= 3 && minInsync < 2)
    yield {
      check,
      status: 'warn',
      found: `it has ${copies} copies, and min.insync.replicas ${minInsync}`,
      advice: `A record is acknowledged that one broker alone has. ${set('min.insync.replicas=2')}`,
    }
  if (settings === undefined) {
    yield {
      check,
      status: 'warn',
      found: 'this user may not see how it is set',
      advice: `Grant DescribeConfigs on topic ${wanted.name} to compare it.`,
    }
    return
  }
  const policy = value('cleanup.policy')
  if (policy !== undefined && policy !== 'delete')
    yield {
      check,
      status: 'fail',
      found: `cleanup.policy is ${policy}`,
      advice: `Compaction deletes every event of a key but the last. ${set('cleanup.policy=delete')}`,
    }
  for (const [key, declared] of [
    ['retention.ms', wanted.retentionMs],
    ['retention.bytes', wanted.retentionBytes],
  ] as const) {
    const kept = value(key)
    if (kept === undefined || boundOf(kept) === (declared ?? Infinity)) continue
    const isLess = boundOf(kept) < (declared ?? Infinity)
    yield {
      check,
      status: 'warn',
      found: `${key} ${declared ?? -1} is declared, it is ${kept}${isLess ? ': events are deleted early' : ''}`,
      advice: 'The next start sets it, where this user may alter the topic.',
    }
  }
  const largest = topicConfigs(undefined, maxRecordBytes).find(({ name }) => name === 'max.message.bytes')
  const takes = Number(value('max.message.bytes') ?? largest?.value)
  if (takes < maxRecordBytes)
    yield {
      check,
      status: 'warn',
      found: `max.message.bytes is ${takes}, and records of ${maxRecordBytes} are declared (maxRecordBytes)`,
      advice: `What is larger is refused, and set aside where a collector has spooled it. ${set(`max.message.bytes=${largest?.value}`)}`,
    }
  if (value('unclean.leader.election.enable') === 'true')
    yield {
      check,
      status: needsQuorum ? 'fail' : 'warn',
      found: 'unclean.leader.election.enable is true',
      advice: `A broker that lacks acknowledged events may lead, and they are lost. ${set('unclean.leader.election.enable=false')}`,
    }
  if (value('message.timestamp.type') === 'LogAppendTime')
    yield {
      check,
      status: 'warn',
      found: 'message.timestamp.type is LogAppendTime',
      advice: `Events get the broker's time: moves of a log and searches by time then differ. ${set('message.timestamp.type=CreateTime')}`,
    }
}

/** Below 0 it is no bound. */
function boundOf(setting: string): number {
  const bound = Number(setting)
  return bound < 0 ? Infinity : bound
}

function shortPositions(wanted: readonly WantedTopic[], keptMs: number | undefined): Finding[] {
  const longest = wanted
    .filter(({ isRead }) => isRead)
    .reduce((max, { retentionMs }) => Math.max(max, retentionMs ?? Infinity), 0)
  if (keptMs === undefined || keptMs >= longest) return []
  const days = (ms: number): string => (ms === Infinity ? 'ever' : `${(ms / DAY_MS).toFixed(1)} days`)
  return [
    {
      check: 'kafka positions',
      status: 'warn',
      found: `events are kept for ${days(longest)}, and positions of a group without members for ${days(keptMs)} (offsets.retention.minutes)`,
      advice:
        'A group whose app is stopped for longer does not know where it was (POSITION_LOST), though its events are there: raise offsets.retention.minutes of the brokers.',
    },
  ]
}

const DAY_MS = 86_400_000
const POSITIONS_KEPT = 'offsets.retention.minutes'

async function settingsOf(
  link: Link,
  cluster: Cluster,
  topic: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const set = await readConfigs(link, await cluster.controller(), { kind: TOPIC, name: topic })
  return typeof set === 'string' ? undefined : set
}

/** Of any broker: they are meant to be set alike. Undefined when this user may not see it. */
async function positionsKept(link: Link, cluster: Cluster): Promise<number | undefined> {
  const [node] = cluster.nodes
  if (node === undefined) return undefined
  const [id, broker] = node
  const set = await readConfigs(link, broker, { kind: BROKER, name: String(id), keys: [POSITIONS_KEPT] })
  const minutes = typeof set === 'string' ? undefined : set.get(POSITIONS_KEPT)
  return minutes === undefined ? undefined : Number(minutes) * 60_000
}
