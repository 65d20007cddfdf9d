import type { Command } from 'commander'
import { sleep, systemClock } from '../../event/index.ts'
import { groupDelete, type GroupDeletion } from '../../server/operations/group-delete.ts'
import {
  groupDescribe,
  type GroupReport,
  type PartitionReport,
} from '../../server/operations/group-describe.ts'
import {
  groupList,
  type GroupList,
  type GroupListInput,
  type ListedGroup,
} from '../../server/operations/group-list.ts'
import { groupPause, groupResume, type GroupMembers } from '../../server/operations/group-pause.ts'
import { groupRename, type GroupRename } from '../../server/operations/group-rename.ts'
import {
  groupReset,
  type GroupReset,
  type GroupResetInput,
  type PartitionMove,
} from '../../server/operations/group-reset.ts'
import type { GroupSummary } from '../../server/operations/group-standing.ts'
import type { Answer } from '../../server/operations/operation.ts'
import { unseenNotes } from '../../server/operations/unseen.ts'
import { age } from '../../server/readable.ts'
import { CliError, exitCode } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { timeGiven, type AskOptions, type Operating, type OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

/** Between two lines of `group lag --watch`. */
const WATCH_MS = 5_000

/** `holdfast group …`. */
export function addGroup(program: Command, operating: Operating): void {
  const group = program.command('group').description('consumer groups')

  operating
    .command(group, 'list', groupList)
    .option('--only-with-lag', 'only those that are behind')
    .option('--letters', 'with how many dead letters are open')
    .action(({ onlyWithLag, letters, ...options }: OperatingOptions & GroupListInput) =>
      operating.run(groupList, { onlyWithLag, letters }, options, listView),
    )

  operating
    .command(group, 'describe', groupDescribe)
    .argument('<group>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(groupDescribe, { group: name }, options, describeView),
    )

  operating
    .asking(group, 'lag')
    .description('print how far a group is behind, and when it will have caught up')
    .argument('<group>', 'its name')
    .option('--watch', 'again every 5 s, until Ctrl-C')
    .action(async (name: string, { watch, ...options }: AskOptions & { readonly watch?: boolean }) => {
      const line = async (): Promise<void> =>
        operating.io.out(lagLine(await operating.ask(groupDescribe, { group: name }, options)))
      if (watch !== true) return line()
      const code = await interruptible(operating.io, async signal => {
        for (; !signal.aborted; await sleep(systemClock, WATCH_MS, signal)) await line()
      })
      operating.ended(code)
    })

  operating
    .command(group, 'pause', groupPause)
    .argument('<group>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(groupPause, { group: name }, options, membersView),
    )

  operating
    .command(group, 'resume', groupResume)
    .argument('<group>', 'its name')
    .option(
      '--allow-dead-for <duration>',
      'let events die for so long, after a flood of dead letters stopped it',
    )
    .action((name: string, options: OperatingOptions & { readonly allowDeadFor?: string }) =>
      operating.run(groupResume, { group: name, allowDeadFor: options.allowDeadFor }, options, membersView),
    )

  operating
    .command(group, 'reset', groupReset)
    .argument('<group>', 'its name')
    .option('--to-time <time>', 'to the first event at or after it: ISO 8601, or a time ago such as 1h')
    .option('--to-offset <offset>', 'to this offset')
    .option('--to-start', 'to the first event that is kept')
    .option('--to-end', 'behind the last event')
    .option('--shift-by <n>', 'by so many offsets; back: --shift-by=-100')
    .option('--by-duration <duration>', 'to what was appended since so long ago')
    .option('--topic <topic>', 'only on this topic, or some of its partitions: orders:0,3')
    .action((name: string, options: ResetOptions) =>
      operating.run(groupReset, resetInput(name, options), options, resetView),
    )

  operating
    .command(group, 'rename', groupRename)
    .argument('<group>', 'its name')
    .argument('<to>', 'the new one')
    .action((name: string, to: string, options: OperatingOptions) =>
      operating.run(groupRename, { group: name, to }, options, renameView),
    )

  operating
    .command(group, 'delete', groupDelete)
    .argument('<group>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(groupDelete, { group: name }, options, deleteView),
    )
}

interface ResetOptions extends OperatingOptions {
  readonly toTime?: string
  readonly toOffset?: string
  readonly toStart?: boolean
  readonly toEnd?: boolean
  readonly shiftBy?: string
  readonly byDuration?: string
  readonly topic?: string
}

function resetInput(group: string, options: ResetOptions): GroupResetInput {
  const { toTime, toOffset, toStart, toEnd, shiftBy, byDuration, topic } = options
  const targets = [toTime, toOffset, toStart, toEnd, shiftBy, byDuration].filter(one => one !== undefined)
  if (targets.length !== 1) {
    const wanted = '--to-time, --to-offset, --to-start, --to-end, --shift-by or --by-duration'
    throw new CliError(`to where is ${group} to be reset?`, exitCode.usage, {
      next: `Name exactly one of ${wanted}. Nothing was changed.`,
    })
  }
  const [name, partitions] = topic?.split(':') ?? []
  return {
    group,
    toTime: toTime && timeGiven(toTime),
    toOffset,
    toStart,
    toEnd,
    shiftBy: shiftBy === undefined ? undefined : Number(shiftBy),
    byDuration,
    topic: name,
    partitions: partitions?.split(',').map(Number),
  }
}

const listView: View<GroupList> = {
  items: ({ groups }) => groups,
  columns: {
    group: (one: GroupSummary) => one.group,
    state: (one: GroupSummary) => one.state,
    lag: (one: GroupSummary) => one.lag,
    behind: (one: GroupSummary) => (one.lag === 0 ? null : age(one.lagSeconds)),
    parked: (one: GroupSummary) => one.parked,
    members: (one: GroupSummary) => one.members.length,
    reason: (one: GroupSummary) => one.reason,
  },
  wide: {
    letters: (one: ListedGroup) => one.letters,
    topics: (one: GroupSummary) => one.topics.join(' '),
  },
  empty: 'no groups',
  notes: ({ unseen }) => unseenNotes(unseen),
}

const describeView: View<GroupReport> = {
  items: ({ partitions }) => partitions,
  columns: {
    topic: (one: PartitionReport) => one.topic,
    partition: (one: PartitionReport) => one.partition,
    position: (one: PartitionReport) => one.committed,
    end: (one: PartitionReport) => one.end,
    lag: (one: PartitionReport) => one.lag,
    behind: (one: PartitionReport) => (one.lag === 0 ? null : age(one.lagSeconds)),
    owner: (one: PartitionReport) => one.owner,
  },
  wide: { start: (one: PartitionReport) => one.start },
  notes: ({ group, state, reason, lag, lagSeconds, parked, letters, forecast }) => [
    `${group} is ${state}${reason === null ? '' : `: ${reason}`}`,
    behindText({ lag, lagSeconds, forecast }),
    `${parked} events wait for a retry; ${letters} dead letters are open`,
  ],
}

function lagLine({ group, state, lag, lagSeconds, parked, forecast }: GroupReport): string {
  const at = new Date(systemClock.now()).toISOString()
  return `${at} ${group} ${state}: ${behindText({ lag, lagSeconds, forecast })}; ${parked} wait for a retry\n`
}

function behindText({
  lag,
  lagSeconds,
  forecast,
}: Pick<GroupReport, 'lag' | 'lagSeconds' | 'forecast'>): string {
  const oldest = lag === 0 ? '' : `, the oldest for ${age(lagSeconds)}`
  return `${lag} ${lag === 1 ? 'event' : 'events'} behind${oldest}; ${forecastText(forecast)}`
}

function forecastText({
  kind,
  seconds: left,
  donePerSecond,
  arrivingPerSecond,
  overSeconds,
}: GroupReport['forecast']): string {
  const rates = `${rate(donePerSecond)} done and ${rate(arrivingPerSecond)} arriving, over ${age(overSeconds ?? 0)}`
  switch (kind) {
    case 'caught up':
    case 'keeps up':
      return kind
    case 'drains':
      return `caught up in about ${age(left ?? 0)} (${rates})`
    case 'never':
      return `never at this rate (${rates})`
    case 'unknown':
      return 'nobody has watched it for long enough to say when it will have caught up'
  }
}

function rate(perSecond: number | null): string {
  return `${(perSecond ?? 0).toFixed(1)}/s`
}

const resetView: View<GroupReset> = {
  items: ({ moves }) => moves,
  columns: {
    topic: (one: PartitionMove) => one.topic,
    partition: (one: PartitionMove) => one.partition,
    from: (one: PartitionMove) => one.from,
    to: (one: PartitionMove) => one.to,
    reread: (one: PartitionMove) => one.reread,
    skipped: (one: PartitionMove) => one.skipped,
  },
  empty: 'no such partition',
  notes: ({ group, consequences, members }) => [...consequences, ...leaveFirst(group, members)],
}

const renameView: View<Answer<GroupRename>> = {
  items: ({ positions }) => positions,
  columns: {
    topic: (one: GroupRename['positions'][number]) => one.topic,
    partition: (one: GroupRename['positions'][number]) => one.partition,
    position: (one: GroupRename['positions'][number]) => one.offset,
  },
  empty: 'it has no positions',
  notes: ({ group, to, inbox, obstacles, executed }) => [
    ...obstacles.map(obstacle => `first: ${obstacle}`),
    ...(inbox ? ['what it applied to its database goes with it'] : []),
    executed === true
      ? `now start the process that declares ${to}; letters that are closed stay under ${group}`
      : `start ${to} only when this is done: a group of that name would begin anew`,
  ],
}

const deleteView: View<GroupDeletion> = {
  items: answer => [answer],
  columns: {
    group: (one: GroupDeletion) => one.group,
    positions: (one: GroupDeletion) => one.positions,
    topics: (one: GroupDeletion) => one.topics.map(({ topic, records }) => `${topic} (${records})`).join(' '),
  },
  notes: ({ group, members }) => [
    'its topics in brackets with the records that go with them; what it applied to a database stays',
    ...leaveFirst(group, members),
  ],
}

function leaveFirst(group: string, members: readonly string[]): string[] {
  return members.length === 0
    ? []
    : [`refused while it has members (${members.join(', ')}); first: holdfast group pause ${group}`]
}

const membersView: View<GroupMembers> = {
  items: answer => [answer],
  columns: {
    group: (one: GroupMembers) => one.group,
    members: (one: GroupMembers) => one.members.join(' '),
  },
}
