import type { Finding } from '../../event/index.ts'
import type { WantedTopic } from '../../log/index.ts'
import { isQuorum, type ResolvedKafkaOptions } from './options.ts'
import { topicConfigs } from './topic-facts.ts'

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

export type DriftOptions = Pick<ResolvedKafkaOptions, 'durability' | 'maxRecordBytes'>

/** One finding for each thing that is not as it is declared, or loses events. Topics that are not there are made at the start. */
export function driftOf(
  wanted: readonly WantedTopic[],
  found: FoundCluster,
  options: DriftOptions,
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
  there: FoundTopic,
  most: number,
  options: DriftOptions,
): Generator<Finding> {
  const topic = new Judged(wanted, there.settings)
  if (there.partitions < wanted.partitions)
    yield topic.warn(
      `${wanted.partitions} partitions are declared, it has ${there.partitions}`,
      'The next start adds the others. Keys move to them: what waits in the old ones may come later.',
    )
  yield* copiesDrift(topic, there.copies, most, options)
  if (there.settings === undefined) {
    yield topic.warn(
      'this user may not see how it is set',
      `Grant DescribeConfigs on topic ${wanted.name} to compare it.`,
    )
    return
  }
  yield* keptDrift(topic)
  yield* takenDrift(topic, options)
}

/** What is declared of a topic beside how it is set. */
class Judged {
  readonly wanted: WantedTopic
  readonly #settings: FoundTopic['settings']

  constructor(wanted: WantedTopic, settings: FoundTopic['settings']) {
    this.wanted = wanted
    this.#settings = settings
  }

  setting(name: string): string | undefined {
    return this.#settings?.get(name)
  }

  warn(found: string, advice: string): Finding {
    return { check: `topic ${this.wanted.name}`, status: 'warn', found, advice }
  }

  fail(found: string, advice: string): Finding {
    return { ...this.warn(found, advice), status: 'fail' }
  }

  /** The command that makes it so. */
  set(change: string): string {
    return `kafka-configs.sh --alter --entity-type topics --entity-name ${this.wanted.name} --add-config ${change}`
  }
}

/** How many brokers have a record when it is acknowledged. `most`: copies of the topic that has most. */
function* copiesDrift(
  topic: Judged,
  copies: number,
  most: number,
  { durability }: DriftOptions,
): Generator<Finding> {
  const minInsync = Number(topic.setting('min.insync.replicas') ?? 1)
  if (durability === 'quorum' && !isQuorum(copies, minInsync))
    yield topic.fail(
      `durability quorum takes 3 copies with min.insync.replicas 2, it has ${copies} with ${minInsync}`,
      `The app does not start on it. More copies: kafka-reassign-partitions.sh. ${topic.set('min.insync.replicas=2')}`,
    )
  else if (copies < most)
    yield topic.warn(
      `it has ${copies} ${copies === 1 ? 'copy' : 'copies'}, others of this app have ${most}`,
      'It is lost with fewer brokers than they are: kafka-reassign-partitions.sh adds copies.',
    )
  else if (copies >= 3 && minInsync < 2)
    yield topic.warn(
      `it has ${copies} copies, and min.insync.replicas ${minInsync}`,
      `A record is acknowledged that one broker alone has. ${topic.set('min.insync.replicas=2')}`,
    )
}

/** For how long it keeps events. */
function* keptDrift(topic: Judged): Generator<Finding> {
  const policy = topic.setting('cleanup.policy')
  if (policy !== undefined && policy !== 'delete')
    yield topic.fail(
      `cleanup.policy is ${policy}`,
      `Compaction deletes every event of a key but the last. ${topic.set('cleanup.policy=delete')}`,
    )
  for (const [name, declared] of [
    ['retention.ms', topic.wanted.retentionMs],
    ['retention.bytes', topic.wanted.retentionBytes],
  ] as const) {
    const kept = topic.setting(name)
    if (kept === undefined || boundOf(kept) === (declared ?? Infinity)) continue
    const isLess = boundOf(kept) < (declared ?? Infinity)
    yield topic.warn(
      `${name} ${declared ?? -1} is declared, it is ${kept}${isLess ? ': events are deleted early' : ''}`,
      'The next start sets it, where this user may alter the topic.',
    )
  }
}

/** Below 0 it is no bound. */
function boundOf(setting: string): number {
  const bound = Number(setting)
  return bound < 0 ? Infinity : bound
}

/** Which events it takes, and as what. */
function* takenDrift(topic: Judged, { durability, maxRecordBytes }: DriftOptions): Generator<Finding> {
  const largest = topicConfigs(undefined, maxRecordBytes).find(({ name }) => name === 'max.message.bytes')
  const takes = Number(topic.setting('max.message.bytes') ?? largest?.value)
  if (takes < maxRecordBytes)
    yield topic.warn(
      `max.message.bytes is ${takes}, and records of ${maxRecordBytes} are declared (maxRecordBytes)`,
      `What is larger is refused, and set aside where a collector has spooled it. ${topic.set(`max.message.bytes=${largest?.value}`)}`,
    )
  if (topic.setting('unclean.leader.election.enable') === 'true')
    yield topic[durability === 'quorum' ? 'fail' : 'warn'](
      'unclean.leader.election.enable is true',
      `A broker that lacks acknowledged events may lead, and they are lost. ${topic.set('unclean.leader.election.enable=false')}`,
    )
  if (topic.setting('message.timestamp.type') === 'LogAppendTime')
    yield topic.warn(
      'message.timestamp.type is LogAppendTime',
      `Events get the broker's time: moves of a log and searches by time then differ. ${topic.set('message.timestamp.type=CreateTime')}`,
    )
}

const DAY_MS = 86_400_000

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
