import {
  HoldfastError,
  isHoldfastError,
  partitionId,
  type Offset,
  type Position,
  type TopicPartition,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { pausedGroups, type Paused } from '../group-control.ts'
import { lettersOf } from './letters-of.ts'
import { openInLanes } from './lanes-open.ts'
import { declaredIn, type OperationContext } from './operation.ts'

/** One partition of a group, as the log tells it. */
export interface PartitionStanding extends TopicPartition {
  readonly owner: string | undefined
  /** Undefined before the first commit. */
  readonly committed: Offset | undefined
  readonly start: Offset
  readonly end: Offset
  /** Events from the position, or from the start of what is kept, to the end. */
  readonly lag: bigint
  /** When the oldest of them was appended; undefined without lag, or where it cannot be read. */
  readonly oldestAt: number | undefined
}

/** All groups that have a position, a member, a declaration in the app that is asked, or a decision to pause. */
export async function groupNames(context: OperationContext): Promise<readonly string[]> {
  const { system, signal } = context
  const declared = declaredIn(context)?.groups.map(({ group }) => group) ?? []
  const paused = await pausedGroups(system.log, signal)
  return [...new Set([...(await system.groups.list()), ...declared, ...paused.keys()])].toSorted()
}

/** Rejects with `GROUP_UNKNOWN`. */
export async function knownGroup(context: OperationContext, group: string): Promise<void> {
  const names = await groupNames(context)
  if (names.includes(group)) return
  throw new HoldfastError('GROUP_UNKNOWN', { detail: `${group}; there are ${names.join(', ') || 'none'}` })
}

/** Where a group stands on every partition, also on those of declared topics that it has not begun. */
export async function partitionsOf(
  context: OperationContext,
  group: string,
): Promise<readonly PartitionStanding[]> {
  const { system, signal } = context
  const { partitions } = await system.groups.describe(group)
  const known = new Map(partitions.map(one => [partitionId(one), one]))
  const topics = new Set(partitions.map(({ topic }) => topic))
  for (const settings of declaredIn(context)?.groups ?? [])
    if (settings.group === group) for (const { name } of settings.topics) topics.add(name)
  const places: TopicPartition[] = []
  for (const topic of [...topics].toSorted()) {
    const settings = await system.log.topics.describe(topic)
    for (let partition = 0; partition < (settings?.partitions ?? 0); partition++)
      places.push({ topic, partition })
  }
  // All at once: on other machines each question takes its way there and back.
  return Promise.all(places.map(at => standingAt(system.log, at, known.get(partitionId(at)), signal)))
}

async function standingAt(
  log: Log,
  at: TopicPartition,
  known: Pick<PartitionStanding, 'owner' | 'committed'> | undefined,
  signal: AbortSignal,
): Promise<PartitionStanding> {
  const { start, end } = await log.bounds(at)
  const { owner, committed } = known ?? {}
  const from = committed === undefined || committed < start ? start : committed
  const lag = end > from ? end - from : 0n
  const oldestAt = lag > 0n ? await timeAt(log, { ...at, offset: from }, signal) : undefined
  return { ...at, owner, committed, start, end, lag, oldestAt }
}

export interface GroupSummary {
  readonly group: string
  /** `empty`: nobody is a member. */
  readonly state: 'running' | 'paused' | 'stopped' | 'empty'
  readonly reason: string | null
  readonly topics: readonly string[]
  readonly members: readonly string[]
  readonly lag: number
  readonly lagSeconds: number
  /** Events that wait in its retry lanes, of all processes. Not in `lag`: they were passed. */
  readonly parked: number
}

export async function summaryOf(
  context: OperationContext,
  group: string,
  { partitions, paused }: { readonly partitions: readonly PartitionStanding[]; readonly paused: Paused },
): Promise<GroupSummary> {
  const { system, app, clock } = context
  const { members } = await system.groups.describe(group)
  const oldest = Math.min(...partitions.map(({ oldestAt = Infinity }) => oldestAt))
  // Only the process that runs it knows of breakers, floods and damage.
  const here = (await app?.groups())?.find(one => one.group === group)
  const decision = paused.get(group)
  const state = decision ? 'paused' : members.length === 0 ? 'empty' : (here?.state ?? 'running')
  return {
    group,
    state,
    reason: decision ? `paused by ${decision.by}: ${decision.reason}` : (here?.reason ?? null),
    topics: [...new Set(partitions.map(({ topic }) => topic))],
    members,
    lag: Number(partitions.reduce((sum, { lag }) => sum + lag, 0n)),
    lagSeconds: oldest === Infinity ? 0 : Math.max(0, clock.now() - oldest) / 1_000,
    parked: await openInLanes(context, group),
  }
}

/** How many letters of the group are dead or being replayed. */
export async function openLetters(context: OperationContext, group: string): Promise<number> {
  const open = await lettersOf(context, group).openByTopic()
  return [...open.values()].reduce((sum, { letters }) => sum + letters, 0)
}

/** When the event at the position was appended; undefined where that cannot be read. */
async function timeAt(log: Log, at: Position, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { records } = await log.read(at, { maxRecords: 1, maxBytes: 1, waitMs: 0 }, signal)
    return records[0]?.timestamp
  } catch (error) {
    // Damage is for `log verify` to name, and retention may have taken the event just now.
    if (isHoldfastError(error, 'LOG_CORRUPT', 'OFFSET_OUT_OF_RANGE')) return undefined
    throw error
  }
}
