import { pausedGroups } from '../group-control.ts'
import { groupNames, partitionsOf, summaryOf, type GroupSummary } from './group-standing.ts'
import type { Operation } from './operation.ts'
import { choice, flag, nullable, number, object, optional, rows, text, type Fields } from './shape.ts'

export interface GroupListInput {
  readonly onlyWithLag?: boolean | undefined
}

export interface GroupList {
  readonly groups: readonly GroupSummary[]
}

export const summaryFields: Fields<GroupSummary> = {
  group: text('its name'),
  state: choice('as the process sees it that was asked; the log alone knows running, paused and empty', [
    'running',
    'paused',
    'stopped',
    'empty',
  ]),
  reason: nullable(text('why it does not run', { max: 10_000 })),
  topics: rows(text('a topic that it reads')),
  members: rows(text('a process that is a member')),
  lag: number('events that are not done'),
  lagSeconds: number('age of the oldest of them'),
}

export const groupList: Operation<GroupListInput, GroupList> = {
  name: 'group.list',
  summary: 'list consumer groups: state, lag in events and seconds, members',
  role: 'viewer',
  effect: 'none',
  input: object<GroupListInput>({ onlyWithLag: optional(flag('only those that are behind')) }),
  output: object<GroupList>({ groups: rows(object<GroupSummary>(summaryFields)) }),
  async run(context, { onlyWithLag }) {
    const paused = await pausedGroups(context.system.log, context.signal)
    const groups: GroupSummary[] = []
    for (const group of await groupNames(context)) {
      const partitions = await partitionsOf(context, group)
      groups.push(await summaryOf(context, group, { partitions, paused }))
    }
    return { groups: groups.filter(({ lag }) => onlyWithLag !== true || lag > 0) }
  },
}
