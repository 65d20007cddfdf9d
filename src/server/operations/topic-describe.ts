import { HoldfastError } from '../../event/index.ts'
import type { TopicSettings } from '../../log/index.ts'
import type { Operation, OperationContext } from './operation.ts'
import { digits, nullable, number, object, rows, text } from './shape.ts'
import { groupsByTopic, topicFields, topicSummary, type TopicSummary } from './topic-list.ts'

export interface TopicDescribeInput {
  readonly topic: string
}

export interface TopicPartition {
  readonly partition: number
  readonly start: string
  readonly end: string
  readonly bytes: number | null
}

export interface TopicReport extends TopicSummary {
  readonly parts: readonly TopicPartition[]
}

export const topicDescribe: Operation<TopicDescribeInput, TopicReport> = {
  name: 'topic.describe',
  summary: 'show one topic: its settings, its partitions, and the groups that read it',
  role: 'viewer',
  effect: 'none',
  input: object<TopicDescribeInput>({ topic: text('its name') }),
  output: object<TopicReport>({
    ...topicFields,
    parts: rows(
      object<TopicPartition>({
        partition: number('its number'),
        start: digits('the first offset that is kept'),
        end: digits('the offset of the next event'),
        bytes: nullable(number('on disk')),
      }),
    ),
  }),
  async run(context, { topic }) {
    const { system } = context
    const settings = await knownTopic(context, topic)
    const groups = (await groupsByTopic(context)).get(topic) ?? []
    const parts: TopicPartition[] = []
    for (let partition = 0; partition < settings.partitions; partition++) {
      const { start, end } = await system.log.bounds({ topic, partition })
      const bytes = system.bytesOf?.({ topic, partition }) ?? null
      parts.push({ partition, start: String(start), end: String(end), bytes })
    }
    return { ...(await topicSummary(context, topic, settings, groups)), parts }
  },
}

/** Rejects with `LOG_TOPIC_UNKNOWN`. */
export async function knownTopic(
  { system: { log } }: OperationContext,
  topic: string,
): Promise<TopicSettings> {
  const settings = await log.topics.describe(topic)
  if (settings) return settings
  const names = (await log.topics.list()).toSorted().join(', ')
  throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `${topic}; there are ${names || 'none'}` })
}
