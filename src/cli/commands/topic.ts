import type { Command } from 'commander'
import {
  topicAlter,
  topicCreate,
  type TopicChange,
  type TopicChangeInput,
} from '../../server/operations/topic-change.ts'
import { topicDelete } from '../../server/operations/topic-delete.ts'
import {
  topicDescribe,
  type TopicPartition,
  type TopicReport,
} from '../../server/operations/topic-describe.ts'
import {
  topicList,
  type TopicGroup,
  type TopicList,
  type TopicListInput,
  type TopicSummary,
} from '../../server/operations/topic-list.ts'
import { unseenNotes } from '../../server/operations/unseen.ts'
import { age, bytes } from '../../server/readable.ts'
import type { Operating, OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

interface ChangeOptions extends OperatingOptions {
  readonly partitions?: string
  readonly retention?: string
  readonly retentionBytes?: string
}

/** `holdfast topic …`; answers the command, for others to add theirs. */
export function addTopic(program: Command, operating: Operating): Command {
  const topic = program.command('topic').description('topics of a log')

  operating
    .command(topic, 'list', topicList)
    .option('--all', 'also retry lanes, dead letters and those of Holdfast itself')
    .option('--with-lag', 'with the groups that read them, and how far they are behind')
    .action(({ all, withLag, ...options }: OperatingOptions & TopicListInput) =>
      operating.run(topicList, { all, withLag }, options, listView),
    )

  operating
    .command(topic, 'describe', topicDescribe)
    .argument('<topic>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(topicDescribe, { topic: name }, options, describeView),
    )

  withSettings(operating.command(topic, 'create', topicCreate)).action(
    (name: string, options: ChangeOptions) =>
      operating.run(topicCreate, changeInput(name, options), options, changeView),
  )

  withSettings(operating.command(topic, 'alter', topicAlter)).action((name: string, options: ChangeOptions) =>
    operating.run(topicAlter, changeInput(name, options), options, changeView),
  )

  operating
    .command(topic, 'delete', topicDelete)
    .argument('<topic>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(topicDelete, { topic: name }, options, changeView),
    )
  return topic
}

function withSettings(command: Command): Command {
  return command
    .argument('<topic>', 'its name')
    .option('--partitions <n>', 'how many; never fewer than before')
    .option('--retention <duration>', 'events older than this go: 7d')
    .option('--retention-bytes <n>', 'for each partition; the oldest go first')
}

function changeInput(
  topic: string,
  { partitions, retention, retentionBytes }: ChangeOptions,
): TopicChangeInput {
  return {
    topic,
    partitions: partitions === undefined ? undefined : Number(partitions),
    retain: retention,
    retainBytes: retentionBytes === undefined ? undefined : Number(retentionBytes),
  }
}

const groupsOf = ({ groups }: TopicSummary): string =>
  (groups ?? []).map(({ group, lag }: TopicGroup) => `${group} (${lag})`).join(' ')

const retention = ({ retentionMs }: { readonly retentionMs: number | null }): string =>
  retentionMs === null ? 'for ever' : age(retentionMs / 1_000)

const listView: View<TopicList> = {
  items: ({ topics }) => topics,
  columns: {
    topic: (one: TopicSummary) => one.topic,
    partitions: (one: TopicSummary) => one.partitions,
    events: (one: TopicSummary) => one.events,
    size: (one: TopicSummary) => (one.bytes === null ? null : bytes(one.bytes)),
    kept: retention,
    groups: groupsOf,
  },
  wide: { 'kept-bytes': (one: TopicSummary) => one.retentionBytes },
  empty: 'no topics',
  notes: ({ unseen }) => unseenNotes(unseen),
}

const describeView: View<TopicReport> = {
  items: ({ parts }) => parts,
  columns: {
    partition: (one: TopicPartition) => one.partition,
    start: (one: TopicPartition) => one.start,
    end: (one: TopicPartition) => one.end,
    size: (one: TopicPartition) => (one.bytes === null ? null : bytes(one.bytes)),
  },
  notes: topic => [
    `${topic.topic}: ${topic.events} events, kept ${retention(topic)}`,
    `read by ${groupsOf(topic) || 'nobody'} (events behind)`,
  ],
}

const changeView: View<TopicChange> = {
  items: answer => [answer],
  columns: {
    topic: (one: TopicChange) => one.topic,
    partitions: (one: TopicChange) => one.partitions,
    kept: retention,
    'kept-bytes': (one: TopicChange) => one.retentionBytes,
    deleted: (one: TopicChange) => one.deleted,
  },
  notes: ({ consequences }) => consequences,
}
