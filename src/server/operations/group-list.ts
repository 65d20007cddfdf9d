import { pausedGroups } from '../group-control.ts'
import { groupNames, openLetters, partitionsOf, summaryOf, type GroupSummary } from './group-standing.ts'
import { LOOK_WITHIN_MS, type Operation } from './operation.ts'
import { choice, flag, nullable, number, object, optional, rows, text, type Fields } from './shape.ts'
import { lookAt, unseenShape, type Unseen } from './unseen.ts'

export interface GroupListInput {
  readonly onlyWithLag?: boolean | undefined
  readonly letters?: boolean | undefined
}

export interface ListedGroup extends GroupSummary {
  /** Dead letters that are open. Null where it was not asked for: reading them takes longer than all the rest. */
  readonly letters: number | null
}

export interface GroupList {
  readonly groups: readonly ListedGroup[]
  readonly unseen: readonly Unseen[]
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
  parked: number('events that wait in its retry lanes, of all processes'),
}

export const groupList: Operation<GroupListInput, GroupList> = {
  name: 'group.list',
  summary: 'list consumer groups: state, lag in events and seconds, members',
  role: 'viewer',
  effect: 'none',
  withinMs: LOOK_WITHIN_MS,
  input: object<GroupListInput>({
    onlyWithLag: optional(flag('only those that are behind')),
    letters: optional(flag('with how many dead letters are open')),
  }),
  output: object<GroupList>({
    groups: rows(
      object<ListedGroup>({ ...summaryFields, letters: nullable(number('dead letters that are open')) }),
    ),
    unseen: unseenShape,
  }),
  async run(context, { onlyWithLag, letters = false }) {
    const paused = await pausedGroups(context.system.log, context.signal)
    const groups: ListedGroup[] = []
    const unseen = new Map<string, Unseen>()
    for (const group of await groupNames(context)) {
      // Without one of its topics it would be shown as less behind than it is.
      const listed = await lookAt(`group ${group}`, unseen, async () => {
        const partitions = await partitionsOf(context, group)
        const summary = await summaryOf(context, group, { partitions, paused })
        return { ...summary, letters: letters ? await openLetters(context, group) : null }
      })
      if (listed) groups.push(listed)
    }
    return {
      groups: groups.filter(({ lag }) => onlyWithLag !== true || lag > 0),
      unseen: [...unseen.values()],
    }
  },
}
