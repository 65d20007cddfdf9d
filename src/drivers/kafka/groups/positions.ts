import { HoldfastError, offset, partitionId, type Offset, type TopicPartition } from '../../../event/index.ts'
import type { Committed } from '../../../log/index.ts'
import { hasId, kafkaError } from '../errors.ts'
import type { Reply } from '../link.ts'
import type { GroupRequests } from './group-requests.ts'

/**
 * Positions of groups as the brokers keep them: an offset and a text of at most `offset.metadata.max.bytes` (4,096 by
 * default), which is the note. Before it stands a mark, by which groups of ours are known among those of others; a note
 * that fills the room to the last character goes without.
 */
const MARK = 'hf:'
const MAX_METADATA = 4_096
/** Of a note in UTF-8, as the port has it. */
const MAX_NOTE_BYTES = 4_096

/** Throws `INTERNAL` for a note that is too long. */
export function checkNote({ note, ...tp }: TopicPartition & { readonly note?: string | undefined }): void {
  const bytes = note === undefined ? 0 : Buffer.byteLength(note)
  if (bytes <= MAX_NOTE_BYTES) return
  throw new HoldfastError('INTERNAL', {
    detail: `the note of ${partitionId(tp)} has ${bytes} bytes, at most ${MAX_NOTE_BYTES} are stored`,
  })
}

export function noteToMetadata(note: string | undefined): string {
  const marked = `${MARK}${note ?? ''}`
  return marked.length <= MAX_METADATA ? marked : (note ?? '')
}

/** Whatever another client wrote is a note as well: it must not be lost, and who reads it says what it thinks of it. */
export function metadataToNote(metadata: string | null | undefined): string | undefined {
  const note = isMarked(metadata) ? metadata?.slice(MARK.length) : metadata
  return note ? note : undefined
}

export function isMarked(metadata: string | null | undefined): boolean {
  return metadata?.startsWith(MARK) === true
}

/** The positions of a group, deleted topics and all. A group that does not exist has none. */
export async function fetchPositions(requests: GroupRequests, group: string): Promise<Committed[]> {
  const reply = await requests.askInPlainWords(
    { doing: `read the positions of group ${group}`, grant: `Describe on group ${group} and on its topics` },
    group,
    'OffsetFetch',
    [everyPositionOf(group)],
    true,
  )
  return reply.groups.flatMap(positionsIn)
}

/** What to ask for. */
export function everyPositionOf(group: string): OffsetFetchGroup {
  // No list of topics means all of them; the package's type has no word for none.
  return {
    groupId: group,
    memberId: null,
    memberEpoch: -1,
    topics: null as unknown as OffsetFetchGroup['topics'],
  }
}

type OffsetFetchGroup = {
  groupId: string
  memberId: null
  memberEpoch: number
  topics: { name: string; partitionIndexes: number[] }[]
}

type FetchedGroup = Reply<'OffsetFetch'>['groups'][number]

function positionsIn({ topics }: FetchedGroup): Committed[] {
  return topics.flatMap(({ name: topic, partitions }) =>
    partitions
      .filter(({ committedOffset }) => committedOffset >= 0n)
      .map(({ partitionIndex: partition, committedOffset, metadata }) => ({
        topic,
        partition,
        offset: offset(committedOffset),
        note: metadataToNote(metadata),
      })),
  )
}

export function hasMark({ topics }: FetchedGroup): boolean {
  return topics.some(({ partitions }) => partitions.some(({ metadata }) => isMarked(metadata)))
}

/** Rejects with `LOG_CORRUPT` for a position above the end of its partition. */
export function checkAgainstEnds(
  group: string,
  positions: readonly Committed[],
  ends: ReadonlyMap<string, Offset>,
): void {
  for (const { topic, partition, offset } of positions) {
    const end = ends.get(partitionId({ topic, partition }))
    if (end === undefined || offset <= end) continue
    throw new HoldfastError('LOG_CORRUPT', {
      detail: `group ${group} has read up to ${offset} of ${topic}/${partition}, which ends at ${end}: records are missing`,
      facts: { group, topic, partition, committed: offset, end },
    })
  }
}

/**
 * Stores positions with their notes for a group without members, whatever stood there before. Rejects with
 * `GROUP_ACTIVE` when it has one.
 */
export async function putPositions(
  requests: GroupRequests,
  group: string,
  positions: readonly Committed[],
): Promise<void> {
  if (positions.length === 0) return
  positions.forEach(checkNote)
  const topics = Map.groupBy(positions, ({ topic }) => topic)
  try {
    await requests.ask(
      group,
      'OffsetCommit',
      group,
      -1,
      '',
      null,
      [...topics].map(([name, positions]) => ({
        name,
        partitions: positions.map(({ partition, offset, note }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: -1,
          committedMetadata: noteToMetadata(note),
        })),
      })),
    )
  } catch (error) {
    if (hasId(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'))
      throw new HoldfastError('GROUP_ACTIVE', {
        detail: `group ${group} has got a member`,
        facts: { group },
        cause: error,
      })
    throw kafkaError(error, {
      doing: `set positions of group ${group}`,
      grant: `Read on group ${group} and on its topics`,
    })
  }
}

/** Takes a topic out of a group. A group that reads it keeps its positions until the brokers delete the topic. */
export async function forgetPositions(
  requests: GroupRequests,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  try {
    await requests.ask(group, 'OffsetDelete', group, [
      { name: topic, partitions: partitions.map(partitionIndex => ({ partitionIndex })) },
    ])
  } catch (error) {
    if (hasId(error, 'GROUP_SUBSCRIBED_TO_TOPIC', 'GROUP_ID_NOT_FOUND', 'UNKNOWN_TOPIC_OR_PARTITION')) return
    throw kafkaError(error, {
      doing: `delete positions of group ${group} in ${topic}`,
      grant: `Delete on group ${group} and Read on topic ${topic}`,
    })
  }
}
