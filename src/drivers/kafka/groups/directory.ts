import { HoldfastError, partitionId, type Offset } from '../../../event/index.ts'
import type { GroupDescription } from '../../../log/index.ts'
import { hasId, kafkaError } from '../errors.ts'
import type { Broker, Link, Reply } from '../link.ts'
import { decodeAssignment } from './consumer-protocol.ts'
import type { GroupRequests } from './group-requests.ts'
import { everyPositionOf, hasMark } from './positions.ts'
import { decodeOurSubscription, decodeShare, PROTOCOL } from './shares.ts'

/** Members and owners of a group, as its coordinator knows them. */
export interface Roll {
  /** Nobody is a member, and none is coming or going. */
  readonly isEmpty: boolean
  readonly members: readonly string[]
  readonly owners: ReadonlyMap<string, { readonly owner: string; readonly epoch: bigint } & TopicPartitionOf>
}

interface TopicPartitionOf {
  readonly topic: string
  readonly partition: number
}

/**
 * The brokers tell what members said and were given only when a round is over: while one is under way they have names of
 * clients, and no owners.
 */
export async function fetchRoll(requests: GroupRequests, group: string): Promise<Roll> {
  const reply = await describe(requests, group)
  const found = reply?.groups[0]
  if (!found) return { isEmpty: true, members: [], owners: new Map() }
  const owners = new Map<string, { owner: string; epoch: bigint } & TopicPartitionOf>()
  const members: string[] = []
  for (const member of found.members) {
    const name = nameOf(member)
    members.push(name)
    for (const held of heldBy(member)) owners.set(partitionId(held), { ...held, owner: name })
  }
  return { isEmpty: found.groupState === 'Empty' || found.groupState === 'Dead', members, owners }
}

type DescribedMember = Reply<'DescribeGroups'>['groups'][number]['members'][number]

function nameOf({ memberMetadata, groupInstanceId, clientId, clientHost }: DescribedMember): string {
  return decodeOurSubscription(memberMetadata)?.name ?? groupInstanceId ?? `${clientId}${clientHost}`
}

/** What a member of another client has counts as well, under no epoch of ours. */
function heldBy({ memberAssignment }: DescribedMember): (TopicPartitionOf & { readonly epoch: bigint })[] {
  const share = decodeShare(memberAssignment)
  if (share) return share.holds.map(({ topic, partition, epoch }) => ({ topic, partition, epoch }))
  try {
    return decodeAssignment(memberAssignment).assigned.flatMap(({ topic, partitions }) =>
      partitions.map(partition => ({ topic, partition, epoch: 0n })),
    )
  } catch {
    return [] // bytes of a protocol that we do not speak
  }
}

async function describe(
  requests: GroupRequests,
  group: string,
): Promise<Reply<'DescribeGroups'> | undefined> {
  try {
    return await requests.ask(group, 'DescribeGroups', [group], false)
  } catch (error) {
    if (hasId(error, 'GROUP_ID_NOT_FOUND')) return undefined
    throw kafkaError(error, { doing: `describe group ${group}`, grant: `Describe on group ${group}` })
  }
}

/** Puts together what the coordinator knows of members and of positions. */
export function description(
  group: string,
  roll: Roll,
  positions: readonly (TopicPartitionOf & { readonly offset: Offset })[],
): GroupDescription {
  const committed = new Map(positions.map(position => [partitionId(position), position]))
  const places = new Map<string, TopicPartitionOf>([...roll.owners, ...committed])
  return {
    group,
    members: roll.members,
    partitions: [...places].map(([id, { topic, partition }]) => ({
      topic,
      partition,
      owner: roll.owners.get(id)?.owner,
      // Kafka keeps no epoch of a partition that nobody has.
      epoch: roll.owners.get(id)?.epoch ?? 0n,
      committed: committed.get(id)?.offset,
    })),
  }
}

/**
 * The groups of ours that the brokers know: those that have positions with our mark, and those whose members share
 * partitions out in our way. A cluster holds groups of others as well, which are none of our business: nothing here could
 * read their notes, and what is kept for the slowest group must not wait for a group of somebody else.
 */
export async function listGroups(link: Link, brokers: readonly Broker[]): Promise<string[]> {
  const found = await Promise.all(brokers.map(broker => listAt(link, broker)))
  return [...new Set(found.flat())].toSorted()
}

/** A broker lists the groups that it coordinates, so it can answer for them as well. */
async function listAt(link: Link, broker: Broker): Promise<string[]> {
  const { groups } = await link.call(broker, 'ListGroups', [], [])
  const names = groups
    .filter(({ protocolType }) => protocolType === '' || protocolType === 'consumer')
    .map(({ groupId }) => groupId)
  if (names.length === 0) return []
  const ours = new Set<string>()
  // An answer holds every position of the groups asked for, and a cluster may hold thousands of groups of others.
  for (let i = 0; i < names.length; i += GROUPS_AT_ONCE) {
    const some = names.slice(i, i + GROUPS_AT_ONCE).map(everyPositionOf)
    const positions = await link.call(broker, 'OffsetFetch', some, false)
    for (const group of positions.groups) if (hasMark(group)) ours.add(group.groupId)
  }
  const busy = groups
    .filter(
      ({ groupId, groupState }) => groupState !== 'Empty' && names.includes(groupId) && !ours.has(groupId),
    )
    .map(({ groupId }) => groupId)
  if (busy.length > 0) {
    const described = await link.call(broker, 'DescribeGroups', busy, false)
    for (const { groupId, protocolData } of described.groups) if (protocolData === PROTOCOL) ours.add(groupId)
  }
  return [...ours]
}

const GROUPS_AT_ONCE = 100

/** Rejects with `GROUP_ACTIVE` when it has members; a group that is not there is deleted already. */
export async function deleteGroup(requests: GroupRequests, group: string): Promise<void> {
  try {
    await requests.ask(group, 'DeleteGroups', [group])
  } catch (error) {
    if (hasId(error, 'GROUP_ID_NOT_FOUND')) return
    if (hasId(error, 'NON_EMPTY_GROUP'))
      throw active(group, (await fetchRoll(requests, group)).members, error)
    throw kafkaError(error, { doing: `delete group ${group}`, grant: `Delete on group ${group}` })
  }
}

export function active(group: string, members: readonly string[], cause?: unknown): HoldfastError {
  return new HoldfastError('GROUP_ACTIVE', {
    detail: `group ${group} has the members ${members.join(', ')}`,
    facts: { group, members },
    cause,
  })
}
