import { HoldfastError, parseDuration } from '../../event/index.ts'
import type { TopicSettings } from '../../log/index.ts'
import { ownTopicsOf } from '../../recover/index.ts'
import type { Operation, OperationContext } from './operation.ts'
import { wrongInput } from './problem.ts'
import { duration, nullable, number, object, optional, rows, text, whole, type Shape } from './shape.ts'
import { knownTopic } from './topic-describe.ts'
import { groupsIn, isOwnTopic } from './topic-list.ts'

interface Settings {
  readonly partitions?: number | undefined
  readonly retain?: string | undefined
  readonly retainBytes?: number | undefined
}

export interface TopicChangeInput extends Settings {
  readonly topic: string
}

/** What a topic is, or would be. */
export interface TopicChange {
  readonly topic: string
  readonly partitions: number
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** Events that go because of it, at most. */
  readonly deleted: number
  /** What follows from it, in words. */
  readonly consequences: readonly string[]
}

const settingsShape = {
  partitions: optional(whole('how many', { min: 1, max: 1024 })),
  retain: optional(duration('events older than this go: 7d')),
  retainBytes: optional(
    whole('for each partition; the oldest go first', { min: 1, max: Number.MAX_SAFE_INTEGER }),
  ),
}

const input = object<TopicChangeInput>({ topic: text('its name'), ...settingsShape })

export const changeShape: Shape<TopicChange> = object<TopicChange>({
  topic: text('its name'),
  partitions: number('how many'),
  retentionMs: nullable(number('events older than this go')),
  retentionBytes: nullable(number('for each partition')),
  deleted: number('events that go, at most'),
  consequences: rows(text('what follows', { max: 10_000 })),
})

export const topicCreate: Operation<TopicChangeInput, TopicChange> = {
  name: 'topic.create',
  summary: 'make a topic; an app that declares it makes it by itself',
  role: 'admin',
  effect: 'change',
  input,
  output: changeShape,
  async run({ system: { log } }, { topic, partitions = 1, retain, retainBytes }) {
    refuseOwn(topic)
    if (await log.topics.describe(topic))
      throw new HoldfastError('LOG_TOPIC_EXISTS', { detail: `${topic}; holdfast topic alter changes it` })
    const settings = { partitions, retentionMs: retainMs(retain), retentionBytes: retainBytes }
    await log.topics.create(topic, settings)
    return changeOf(topic, settings, 0, [])
  },
}

export const topicAlter: Operation<TopicChangeInput, TopicChange> = {
  name: 'topic.alter',
  summary: 'change the retention of a topic, or give it more partitions',
  role: 'admin',
  effect: 'decision',
  input,
  output: changeShape,
  async run(context, { topic, partitions, retain, retainBytes }) {
    const { log } = context.system
    refuseOwn(topic)
    const before = await knownTopic(context, topic)
    const after: TopicSettings = {
      partitions: partitions ?? before.partitions,
      retentionMs: retainMs(retain) ?? before.retentionMs,
      retentionBytes: retainBytes ?? before.retentionBytes,
    }
    const grows = after.partitions > before.partitions
    const consequences = [
      'an app that declares this topic sets its own retention when it starts, and refuses fewer partitions than there are: change it there too',
      ...(grows
        ? ['keys move to other partitions: events of a key from before and after may overtake each other']
        : []),
    ]
    const deleted = retain === undefined ? 0 : await olderThan(context, topic, before, after.retentionMs)
    if (context.execute) {
      // Lanes and letters first: an owner of a partition that has none of them could not deliver.
      if (grows) await growOwn(context, topic, after.partitions)
      await log.topics.create(topic, after)
    }
    return changeOf(topic, after, deleted, consequences)
  },
}

/** Throws `INPUT_INVALID`. */
export function refuseOwn(topic: string): void {
  if (!isOwnTopic(topic)) return
  throw wrongInput(
    '/topic',
    `${topic} belongs to Holdfast; lanes and letters go with their group: holdfast group delete`,
  )
}

async function growOwn(context: OperationContext, topic: string, partitions: number): Promise<void> {
  const { log } = context.system
  for (const group of await groupsIn(context, topic))
    for (const own of ownTopicsOf(topic, group)) {
      const settings = await log.topics.describe(own)
      if (settings) await log.topics.create(own, { ...settings, partitions })
    }
}

/** Events that are older than a retention, as it is judged now. */
async function olderThan(
  { system: { log }, clock }: OperationContext,
  topic: string,
  { partitions }: TopicSettings,
  retentionMs: number | undefined,
): Promise<number> {
  if (retentionMs === undefined) return 0
  let older = 0n
  for (let partition = 0; partition < partitions; partition++) {
    const { start } = await log.bounds({ topic, partition })
    older += (await log.offsetAt({ topic, partition }, clock.now() - retentionMs)) - start
  }
  return Number(older)
}

function retainMs(retain: string | undefined): number | undefined {
  return retain === undefined ? undefined : parseDuration(retain, 'retain')
}

export function changeOf(
  topic: string,
  {
    partitions,
    retentionMs = null,
    retentionBytes = null,
  }: {
    partitions: number
    retentionMs?: number | null | undefined
    retentionBytes?: number | null | undefined
  },
  deleted: number,
  consequences: readonly string[],
): TopicChange {
  return { topic, partitions, retentionMs, retentionBytes, deleted, consequences }
}
