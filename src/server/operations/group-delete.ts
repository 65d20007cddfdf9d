import { HoldfastError } from '../../event/index.ts'
import { ownTopicsOf } from '../../recover/index.ts'
import { forgetPause } from './group-pause.ts'
import { knownGroup } from './group-standing.ts'
import type { Operation, OperationContext } from './operation.ts'
import { number, object, rows, text } from './shape.ts'

export interface GroupDeleteInput {
  readonly group: string
}

export interface GroupDeletion {
  readonly group: string
  /** How many partitions it has a position in. */
  readonly positions: number
  /** The topics of its letters and of its retry lane, which go with it. */
  readonly topics: readonly { readonly topic: string; readonly records: number }[]
  readonly members: readonly string[]
}

export const groupDelete: Operation<GroupDeleteInput, GroupDeletion> = {
  name: 'group.delete',
  summary: 'forget a group without members: its positions, its dead letters, its retry lane',
  role: 'admin',
  effect: 'decision',
  input: object<GroupDeleteInput>({ group: text('its name') }),
  output: object<GroupDeletion>({
    group: text('its name'),
    positions: number('partitions that it has a position in'),
    topics: rows(
      object<GroupDeletion['topics'][number]>({
        topic: text('of its letters or its retry lane'),
        records: number('records in it'),
      }),
    ),
    members: rows(text('who must leave first')),
  }),
  async run(context, { group }) {
    const { system, execute } = context
    const positions = (await system.groups.committed(group)).length
    const topics = await ownTopics(context, group)
    // After a rename its letters are all that is left of it.
    if (topics.length === 0) await knownGroup(context, group)
    const { members } = await system.groups.describe(group)
    if (execute) {
      if (members.length > 0) {
        throw new HoldfastError('GROUP_ACTIVE', {
          detail: `${group} has the members ${members.join(', ')}; stop them, or: holdfast group pause ${group}`,
          facts: { group, members },
        })
      }
      // The positions last: as long as they are there the group is known, and what broke off can be done again.
      for (const { topic } of topics) await system.log.topics.delete(topic)
      await system.groups.delete(group)
      await forgetPause(context, group)
    }
    return { group, positions, topics, members }
  },
}

async function ownTopics(context: OperationContext, group: string): Promise<GroupDeletion['topics']> {
  const { log } = context.system
  const names = new Set(await log.topics.list())
  const own = [...names].flatMap(name => ownTopicsOf(name, group))
  const topics: { topic: string; records: number }[] = []
  for (const topic of own.filter(name => names.has(name))) {
    const settings = await log.topics.describe(topic)
    if (settings === undefined) continue
    let records = 0n
    for (let partition = 0; partition < settings.partitions; partition++) {
      const { start, end } = await log.bounds({ topic, partition })
      records += end - start
    }
    topics.push({ topic, records: Number(records) })
  }
  return topics
}
