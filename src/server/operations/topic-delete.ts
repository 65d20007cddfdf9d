import { HoldfastError, isHoldfastError } from '../../event/index.ts'
import { ownTopicsOf, type ReplayState } from '../../recover/index.ts'
import { openLanes } from '../../recover/lane/index.ts'
import { decide } from '../group-control.ts'
import { endReplaysIn, replaysIn } from '../replays.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation, OperationContext } from './operation.ts'
import { withJobTopic } from './replay-jobs.ts'
import { object, text } from './shape.ts'
import { changeOf, changeShape, refuseOwn, type TopicChange } from './topic-change.ts'
import { knownTopic } from './topic-describe.ts'
import { groupsIn, topicSummary } from './topic-list.ts'

export interface TopicDeleteInput {
  readonly topic: string
}

/**
 * Whatever names offsets of the topic goes with it: here what the log has, and by the decision to delete what processes
 * have in mind and the database knows. A lane that stayed would tell the groups of a topic that is made again
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
    refuseOwn(topic)
    const settings = await knownTopic(context, topic)
    const { events } = await topicSummary(context, topic, settings, undefined)
    const groups = await groupsIn(context, topic)
    const losses: string[] = []
    for (const group of groups) losses.push(await lossOf(context, topic, group))
    losses.push(
      ...(await withJobTopic(context, async jobs => (jobs ? (await replaysIn(topic, jobs)).map(endOf) : []))),
    )
    if (context.execute) await deleteTopic(context, topic, groups)
    return changeOf(topic, settings, events, [
      'events for it are refused until an app that declares it makes it again, empty: when it starts, or when a group of it is resumed',
      ...losses,
    ])
  },
}

/**
 * The topic last: as long as it is there, what broke off can be done again. The decision before it, and behind what goes
 * with it: a topic that is made again is always newer, and a process that hears of it finds nothing of before.
 */
async function deleteTopic(
  context: OperationContext,
  topic: string,
  groups: readonly string[],
): Promise<void> {
  const { system, actor, clock, random } = context
  const { log } = system
  await refuseRead(context, topic, groups)
  await withJobTopic(context, async jobs => jobs && (await endReplaysIn(topic, { jobs, clock, random })))
  for (const group of groups) for (const own of ownTopicsOf(topic, group)) await log.topics.delete(own)
  await decide(log, { kind: 'deleted', topic, by: actor.name, at: clock.now() })
  await log.topics.delete(topic)
}

function endOf({ id, group, mode }: ReplayState): string {
  return `replay ${id}, a ${mode} of ${group}, ends where it stands in it`
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
