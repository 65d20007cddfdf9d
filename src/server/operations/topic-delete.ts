import { HoldfastError, isHoldfastError } from '../../event/index.ts'
import { ownTopicsOf } from '../../recover/index.ts'
import { openLanes } from '../../recover/lane/index.ts'
import { lettersOf } from './dlq-letters.ts'
import type { Operation, OperationContext } from './operation.ts'
import { object, text } from './shape.ts'
import { changeOf, changeShape, refuseOwn, type TopicChange } from './topic-change.ts'
import { knownTopic } from './topic-describe.ts'
import { groupsIn, topicSummary } from './topic-list.ts'

export interface TopicDeleteInput {
  readonly topic: string
}

/**
 * Whatever names offsets of the topic goes with it. A lane that stayed would tell the groups of a topic that is made again
 * that their positions are lost, and a letter that stayed would hide that of the event which has its offset then.
 */
export const topicDelete: Operation<TopicDeleteInput, TopicChange> = {
  name: 'topic.delete',
  summary:
    'delete a topic with its events, and the positions, retry lanes and dead letters of its groups in it',
  role: 'admin',
  effect: 'decision',
  input: object<TopicDeleteInput>({ topic: text('its name') }),
  output: changeShape,
  async run(context, { topic }) {
    const { log } = context.system
    refuseOwn(topic)
    const settings = await knownTopic(context, topic)
    const { events } = await topicSummary(context, topic, settings, undefined)
    const groups = await groupsIn(context, topic)
    const losses: string[] = []
    for (const group of groups) losses.push(await lossOf(context, topic, group))
    if (context.execute) {
      await refuseRead(context, topic, groups)
      // The topic last: as long as it is there, what broke off can be done again.
      for (const group of groups) for (const own of ownTopicsOf(topic, group)) await log.topics.delete(own)
      await log.topics.delete(topic)
    }
    return changeOf(topic, settings, events, [
      'an app that declares this topic makes it again, empty, when it starts: restart those that run',
      ...losses,
    ])
  },
}

async function refuseRead(
  { system }: OperationContext,
  topic: string,
  groups: readonly string[],
): Promise<void> {
  for (const group of groups) {
    const { partitions } = await system.groups.describe(group)
    const owner = partitions.find(one => one.topic === topic && one.owner !== undefined)?.owner
    if (owner === undefined) continue
    throw new HoldfastError('GROUP_ACTIVE', {
      detail: `${owner} of group ${group} reads ${topic}; first: holdfast group pause ${group}`,
      facts: { group, members: [owner] },
    })
  }
}

async function lossOf(context: OperationContext, topic: string, group: string): Promise<string> {
  const { log, groups } = context.system
  const waiting = await counted(async () => {
    const committed = (await groups.committed(group)).filter(position => position.topic === topic)
    let entries = 0
    for await (const lane of openLanes({ log, committed, signal: context.signal }, group))
      entries += lane.entries.length
    return entries
  })
  const letters = await counted(
    async () => (await lettersOf(context, group).openByTopic()).get(topic)?.letters ?? 0,
  )
  const kept = letters === 0 ? '' : ` (to keep those: holdfast dlq export --group ${group})`
  return `${group} loses its position in it, ${waiting} events that wait for a retry and ${letters} open dead letters${kept}`
}

/** What cannot be read may be why somebody deletes it. */
async function counted(count: () => Promise<number>): Promise<number | 'an unknown number of'> {
  try {
    return await count()
  } catch (error) {
    if (isHoldfastError(error, 'LOG_CORRUPT', 'LOG_VERSION')) return 'an unknown number of'
    throw error
  }
}
