import { HoldfastError, type Clock, type Random } from '../../../event/index.ts'
import { errorsByPath, isAuthorization, isNetwork, kafkaError, partialReply } from '../errors.ts'
import type { Broker, Link, Reply } from '../link.ts'
import { backOff } from '../retry.ts'
import { everyPositionOf, hasMark } from './positions.ts'
import { isMoved } from './refusal.ts'
import { PROTOCOL } from './shares.ts'

export interface ListGroupsDeps {
  readonly link: Pick<Link, 'call'>
  /** Those that are up, asked anew. */
  live(): Promise<readonly Broker[]>
  readonly clock: Clock
  readonly random: Random
  /** Ends what waits. */
  readonly signal: AbortSignal
}

/**
 * The groups of ours that the brokers know: those that have positions with our mark, and those whose members share
 * partitions out in our way. A cluster holds groups of others as well, which are none of our business: nothing here could
 * read their notes, and what is kept for the slowest group must not wait for a group of somebody else.
 *
 * Every broker lists the groups that it coordinates, so it takes all of them. While one has gone, or reads what it has
 * become the coordinator of, all are asked again for a while, as a group may have moved to one that was asked before.
 * Rejects with `LOG_STALLED` and the broker and groups that it is about.
 */
export async function listGroups(deps: ListGroupsDeps): Promise<string[]> {
  const { link, clock, signal } = deps
  const until = clock.monotonic() + PATIENCE_MS
  for (let tries = 0; ; tries++) {
    if (signal.aborted) throw new HoldfastError('LOG_CLOSED', { detail: 'listing groups' })
    const brokers = await deps.live()
    const lists = await Promise.allSettled(brokers.map(broker => listAt(link, broker)))
    const failed = lists.flatMap((list, i) =>
      list.status === 'rejected' ? [{ error: list.reason as unknown, broker: brokers[i] }] : [],
    )
    const [first] = failed
    if (first === undefined)
      return [...new Set(lists.flatMap(list => (list.status === 'fulfilled' ? list.value : [])))].toSorted()
    const passes = failed.every(({ error }) => isMoved(error) || isNetwork(error))
    if (!passes || signal.aborted || clock.monotonic() >= until) throw told(first.error, first.broker)
    await backOff(deps, tries, signal)
  }
}

async function listAt(link: ListGroupsDeps['link'], broker: Broker): Promise<string[]> {
  const { groups } = await link.call(broker, 'ListGroups', [], [])
  const names = groups
    .filter(({ protocolType }) => protocolType === '' || protocolType === 'consumer')
    .map(({ groupId }) => groupId)
  const ours = new Set<string>()
  // An answer holds every position of the groups asked for, and a cluster may hold thousands of groups of others.
  for (let i = 0; i < names.length; i += GROUPS_AT_ONCE) {
    const some = names.slice(i, i + GROUPS_AT_ONCE).map(everyPositionOf)
    const found = await permitted(link.call(broker, 'OffsetFetch', some, false))
    for (const group of found) if (hasMark(group)) ours.add(group.groupId)
  }
  const busy = groups
    .filter(
      ({ groupId, groupState }) => groupState !== 'Empty' && names.includes(groupId) && !ours.has(groupId),
    )
    .map(({ groupId }) => groupId)
  if (busy.length > 0) {
    const described = await permitted(link.call(broker, 'DescribeGroups', busy, false))
    for (const { groupId, protocolData } of described) if (protocolData === PROTOCOL) ours.add(groupId)
  }
  return [...ours]
}

/**
 * What is said of the groups that this user may look at. Brokers leave the others out of their list too, unless the user
 * may look at the cluster: then their names are told, and nothing else.
 */
async function permitted<Group extends { readonly errorCode: number }>(
  asked: Promise<{ readonly groups: readonly Group[] }>,
): Promise<readonly Group[]> {
  try {
    return (await asked).groups
  } catch (error) {
    const reply = partialReply<{ readonly groups: readonly Group[] }>(error)
    if (reply === undefined || ![...errorsByPath(error).values()].every(isAuthorization)) throw error
    return reply.groups.filter(({ errorCode }) => errorCode === 0)
  }
}

function told(error: unknown, broker: Broker | undefined): HoldfastError {
  const { groups = [] } = partialReply<Partial<Reply<'DescribeGroups'>>>(error) ?? {}
  const names = groups.flatMap(({ groupId, errorCode }) => (errorCode === 0 ? [] : [groupId]))
  const some = names.slice(0, MAX_NAMED).join(', ')
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''
  const which = names.length === 0 ? 'its groups' : `${some}${more}`
  return kafkaError(error, {
    doing: `list groups: ask broker ${broker?.host}:${broker?.port} for ${which}`,
    grant: 'Describe on the groups',
  })
}

const GROUPS_AT_ONCE = 100
const MAX_NAMED = 10

/** Longer than brokers take to miss one of them, which is 9 s where nothing is said. Milliseconds. */
const PATIENCE_MS = 15_000
