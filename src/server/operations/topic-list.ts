import { inParts, type TopicSettings } from '../../log/index.ts'
import { groupsWithLetters, isLaneOrDeadTopic } from '../../recover/index.ts'
import { RESERVED_TOPIC_PREFIX } from '../../event/index.ts'
import { LOOK_WITHIN_MS, type Operation, type OperationContext } from './operation.ts'
import { flag, nullable, number, object, optional, rows, text, type Fields } from './shape.ts'
import { lookAt, unseenShape, type Unseen } from './unseen.ts'

export interface TopicListInput {
  readonly all?: boolean | undefined
  readonly withLag?: boolean | undefined
}

export interface TopicSummary {
  readonly topic: string
  readonly partitions: number
  /** Offsets from the first to the last that is kept: at most so many events. */
  readonly events: number
  /** Null for a log that is on no disk of ours. */
  readonly bytes: number | null
  /** Null keeps them for ever. */
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** Null where it was not asked for. */
  readonly groups: readonly TopicGroup[] | null
}

export interface TopicGroup {
  readonly group: string
  readonly lag: number
}

export interface TopicList {
  readonly topics: readonly TopicSummary[]
  readonly unseen: readonly Unseen[]
}

export const topicFields: Fields<TopicSummary> = {
  topic: text('its name'),
  partitions: number('how many'),
  events: number('that are kept, at most: offsets may have gaps'),
  bytes: nullable(number('on disk')),
  retentionMs: nullable(number('events older than this go')),
  retentionBytes: nullable(number('for each partition; the oldest go first')),
  groups: nullable(
    rows(object<TopicGroup>({ group: text('one that reads it'), lag: number('events it is behind') })),
  ),
}

export const topicList: Operation<TopicListInput, TopicList> = {
  name: 'topic.list',
  summary: 'list topics: partitions, events, bytes, retention',
  role: 'viewer',
  effect: 'none',
  withinMs: LOOK_WITHIN_MS,
  input: object<TopicListInput>({
    all: optional(flag('also retry lanes, dead letters and those of Holdfast itself')),
    withLag: optional(flag('with the groups that read them, and how far they are behind')),
  }),
  output: object<TopicList>({ topics: rows(object<TopicSummary>(topicFields)), unseen: unseenShape }),
  async run(context, { all = false, withLag = false }) {
    const { log } = context.system
    const unseen = new Map<string, Unseen>()
    const groups = withLag ? await groupsByTopic(context, unseen) : undefined
    const names = (await log.topics.list())
      .filter(topic => (all || !isOwnTopic(topic)) && !unseen.has(`topic ${topic}`))
      .toSorted()
    const topics = await inParts(names, topic =>
      lookAt(`topic ${topic}`, unseen, async () => {
        const settings = await log.topics.describe(topic)
        return settings && topicSummary(context, topic, settings, groups && (groups.get(topic) ?? []))
      }),
    )
    return { topics: topics.flatMap(one => one ?? []), unseen: [...unseen.values()] }
  },
}

/** Made by Holdfast: a retry lane, dead letters, decisions, the audit trail. */
export function isOwnTopic(topic: string): boolean {
  return topic.startsWith(RESERVED_TOPIC_PREFIX) || isLaneOrDeadTopic(topic)
}

export async function topicSummary(
  { system }: OperationContext,
  topic: string,
  { partitions, retentionMs, retentionBytes }: TopicSettings,
  groups: readonly TopicGroup[] | undefined,
): Promise<TopicSummary> {
  let events = 0n
  let bytes = 0
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await system.log.bounds({ topic, partition })
    events += end - start
    bytes += system.bytesOf?.({ topic, partition }) ?? 0
  }
  return {
    topic,
    partitions,
    events: Number(events),
    bytes: system.bytesOf ? bytes : null,
    retentionMs: retentionMs ?? null,
    retentionBytes: retentionBytes ?? null,
    groups: groups ?? null,
  }
}

/** The groups that have a position in a topic or own a partition of it, of the topics that can be looked at. */
export async function groupsByTopic(
  { system }: OperationContext,
  unseen: Map<string, Unseen> = new Map(),
): Promise<ReadonlyMap<string, readonly TopicGroup[]>> {
  const found = new Map<string, Map<string, number>>()
  for (const group of await system.groups.list()) {
    const { partitions = [] } =
      (await lookAt(`group ${group}`, unseen, () => system.groups.describe(group))) ?? {}
    for (const { topic, partition, committed } of partitions) {
      if (unseen.has(`topic ${topic}`)) continue
      const bounds = await lookAt(`topic ${topic}`, unseen, () => system.log.bounds({ topic, partition }))
      if (bounds === undefined) continue
      const { start, end } = bounds
      const from = committed === undefined || committed < start ? start : committed
      const lags = found.get(topic) ?? new Map<string, number>()
      lags.set(group, (lags.get(group) ?? 0) + Number(end - from))
      found.set(topic, lags)
    }
  }
  return new Map(
    [...found].map(([topic, lags]) => [topic, [...lags].map(([group, lag]) => ({ group, lag }))]),
  )
}

/** Those that have a position in a topic, own a partition of it, or have begun in it once: a log may forget positions. */
export async function groupsIn(context: OperationContext, topic: string): Promise<readonly string[]> {
  const reading = (await groupsByTopic(context)).get(topic) ?? []
  const begun = await groupsWithLetters(context.system.log, topic)
  return [...new Set([...reading.map(({ group }) => group), ...begun])].toSorted()
}
