import { HoldfastError, offset, parseDuration, type Offset } from '../../event/index.ts'
import { momentOf } from './moment.ts'
import { knownGroup, partitionsOf, type PartitionStanding } from './group-standing.ts'
import type { Operation, OperationContext } from './operation.ts'
import { wrongInput } from './problem.ts'
import {
  digits,
  duration,
  flag,
  list,
  moment,
  nullable,
  number,
  object,
  optional,
  rows,
  text,
  whole,
} from './shape.ts'

/** Exactly one of the targets is given. */
export interface GroupResetInput {
  readonly group: string
  readonly toTime?: string | undefined
  readonly toOffset?: string | undefined
  readonly toStart?: boolean | undefined
  readonly toEnd?: boolean | undefined
  readonly shiftBy?: number | undefined
  readonly byDuration?: string | undefined
  readonly topic?: string | undefined
  readonly partitions?: readonly number[] | undefined
}

export interface PartitionMove {
  readonly topic: string
  readonly partition: number
  /** Null before the first commit. */
  readonly from: string | null
  readonly to: string
  /** Events that are delivered again, at most: offsets may have gaps. */
  readonly reread: number
  /** Events that are never delivered, at most. */
  readonly skipped: number
}

export interface GroupReset {
  readonly group: string
  readonly moves: readonly PartitionMove[]
  /** Who must leave before it can be done: pause the group. */
  readonly members: readonly string[]
  /** What follows from it beside the positions, in words. */
  readonly consequences: readonly string[]
}

const targets = ['toTime', 'toOffset', 'toStart', 'toEnd', 'shiftBy', 'byDuration'] as const
const MAX_SHIFT = 1_000_000_000_000

export const groupReset: Operation<GroupResetInput, GroupReset> = {
  name: 'group.reset',
  summary: 'set the positions of a group that is paused or has no members',
  role: 'operator',
  effect: 'decision',
  input: object<GroupResetInput>({
    group: text('its name'),
    toTime: optional(moment('to the first event at or after it: ISO 8601, or an hour ago as -1h')),
    toOffset: optional(digits('to this offset')),
    toStart: optional(flag('to the first event that is kept')),
    toEnd: optional(flag('behind the last event')),
    shiftBy: optional(whole('by so many offsets, back when below 0', { min: -MAX_SHIFT, max: MAX_SHIFT })),
    byDuration: optional(duration('to what was appended since so long ago')),
    topic: optional(text('only on this topic')),
    partitions: optional(list(whole('only on these partitions', { min: 0, max: 1023 }))),
  }),
  output: object<GroupReset>({
    group: text('its name'),
    moves: rows(
      object<PartitionMove>({
        topic: text('of the events'),
        partition: number('of the topic'),
        from: nullable(digits('position before')),
        to: digits('position after'),
        reread: number('events that are delivered again, at most'),
        skipped: number('events that are never delivered, at most'),
      }),
    ),
    members: rows(text('who must leave first')),
    consequences: rows(text('what follows', { max: 10_000 })),
  }),
  async run(context, input) {
    const { system, execute } = context
    const { group } = input
    checkTarget(input)
    await knownGroup(context, group)
    const chosen = (await partitionsOf(context, group)).filter(one => isChosen(one, input))
    const planned = await Promise.all(
      chosen.map(async at => ({ at, to: within(at, await targetOf(context, at, input)) })),
    )
    const { members } = await system.groups.describe(group)
    if (execute) {
      if (members.length > 0) {
        throw new HoldfastError('GROUP_ACTIVE', {
          detail: `${group} has the members ${members.join(', ')}; first: holdfast group pause ${group}`,
          facts: { group, members },
        })
      }
      // One transaction, which refuses when somebody has joined meanwhile.
      await system.groups.move(
        group,
        planned.map(({ at: { topic, partition }, to }) => ({ topic, partition, offset: to })),
      )
    }
    const moves = planned.map(({ at, to }) => moveOf(at, to))
    return { group, moves, members, consequences: consequencesOf(context, group, moves) }
  },
}

function checkTarget(input: GroupResetInput): void {
  const given = targets.filter(target => input[target] !== undefined && input[target] !== false)
  if (given.length === 1) return
  const got = given.join(' and ') || 'none'
  throw wrongInput('', `exactly one of ${targets.join(', ')} must be given, got ${got}`)
}

function isChosen({ topic, partition }: PartitionStanding, input: GroupResetInput): boolean {
  if (input.topic !== undefined && input.topic !== topic) return false
  return input.partitions?.includes(partition) ?? true
}

async function targetOf(
  { system: { log }, clock }: OperationContext,
  at: PartitionStanding,
  { toTime, toOffset, toStart, shiftBy, byDuration }: GroupResetInput,
): Promise<bigint> {
  if (toTime !== undefined) return log.offsetAt(at, momentOf(toTime, clock.now()))
  if (byDuration !== undefined) return log.offsetAt(at, clock.now() - parseDuration(byDuration, 'byDuration'))
  if (toOffset !== undefined) return BigInt(toOffset)
  if (shiftBy !== undefined) return (at.committed ?? at.start) + BigInt(shiftBy)
  return toStart === true ? at.start : at.end
}

/** What retention has deleted cannot be read again, and what is not there yet cannot be skipped. */
function within({ start, end }: PartitionStanding, to: bigint): Offset {
  return offset(to < start ? start : to > end ? end : to)
}

function moveOf({ topic, partition, committed, start }: PartitionStanding, to: Offset): PartitionMove {
  const from = committed ?? start
  return {
    topic,
    partition,
    from: committed === undefined ? null : String(committed),
    to: String(to),
    reread: to < from ? Number(from - to) : 0,
    skipped: to > from ? Number(to - from) : 0,
  }
}

/**
 * What a reset means beside the positions. An event belongs to its topic until a position above it was committed, and to
 * the retry lane afterwards: the next owner reads the lane under the new position, so what is parked at or above it
 * comes from the topic again, and what is parked below stays in the lane.
 */
function consequencesOf({ app }: OperationContext, group: string, moves: readonly PartitionMove[]): string[] {
  const reread = moves.reduce((sum, one) => sum + one.reread, 0)
  const skipped = moves.reduce((sum, one) => sum + one.skipped, 0)
  const settings = app?.declared.groups.find(one => one.group === group)
  const effects = [...(settings?.handlers.values() ?? [])].some(({ kind }) => kind !== 'on')
  return [
    ...(reread > 0
      ? [
          `up to ${reread} events are delivered again: .on handlers run again for them`,
          settings === undefined || effects
            ? '.effect handlers run only for those whose effect is not in the database: to apply effects again, use holdfast replay'
            : undefined,
          'events that wait in the retry lane at or above the new position, and those that are dead letters, run with them; a letter stays until somebody decides about it',
        ]
      : []),
    ...(skipped > 0
      ? [
          `up to ${skipped} events are never delivered to ${group}`,
          'events below the new position that wait in the retry lane are still run by it',
        ]
      : []),
  ].filter(line => line !== undefined)
}
