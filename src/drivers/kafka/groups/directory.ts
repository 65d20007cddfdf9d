import { HoldfastError, partitionId, type Offset } from '../../../event/index.ts'
import type { GroupDescription } from '../../../log/index.ts'
import { hasId, kafkaError } from '../errors.ts'
import type { Reply } from '../link.ts'
import { decodeAssignment } from './consumer-protocol.ts'
import type { GroupRequests } from './group-requests.ts'
import { decodeOurSubscription, decodeShare } from './shares.ts'

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
