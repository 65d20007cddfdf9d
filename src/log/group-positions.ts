import { HoldfastError, partitionId, type Position, type TopicPartition } from '../event/index.ts'
import { checkGroupName, rows } from './group-rows.ts'
import type { GroupTopics, GroupTransaction, GroupView } from './group-store.ts'
import type { Commit, CommitOutcome, Committed, GroupDescription } from './port.ts'
import { isAlive, settle, type SettleRules } from './settle.ts'

const MAX_NOTE_BYTES = 4096

/** Stores the positions whose epoch is the owner's, and tells which were not. Throws, storing none, for what is a bug. */
export function commitPositions(
  tx: GroupTransaction,
  topics: GroupTopics,
  group: string,
  commits: readonly Commit[],
): CommitOutcome[] {
  return commits.map(commit => {
    const { topic, partition, offset, note, epoch } = commit
    checkNote(commit)
    const current = rows.owner(tx, group, commit)
    // Without an owner nobody may commit: who gave the partition back, gave the right back with it.
    if (current.owner === undefined || current.epoch !== epoch) {
      return { kind: 'stale', epoch: current.epoch, owner: current.owner?.name }
    }
    checkWithin(topics, group, commit)
    const before = rows.position(tx, group, commit)
    if (before !== undefined && before.epoch === epoch && offset < before.offset) {
      throw new HoldfastError('INTERNAL', {
        detail: `group ${group} would go back in ${partitionId(commit)} from ${before.offset} to ${offset} within epoch ${epoch}`,
      })
    }
    rows.putPosition(tx, group, { topic, partition, offset, note, epoch })
    return { kind: 'committed' }
  })
}

export function committedPositions(view: GroupView, topics: GroupTopics, group: string): Committed[] {
  return rows.positions(view, group).map(({ topic, partition, offset, note }) => {
    const exists = partition < (topics.partitions(topic) ?? 0)
    if (exists && offset > topics.end({ topic, partition })) {
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `group ${group} has read up to ${offset} of ${topic}/${partition}, which ends at ${topics.end({ topic, partition })}: records are missing`,
        facts: { group, topic, partition, committed: offset, end: topics.end({ topic, partition }) },
      })
    }
    return { topic, partition, offset, note }
  })
}

export function movePositions(
  tx: GroupTransaction,
  group: string,
  positions: readonly Position[],
  rules: SettleRules,
): void {
  const noted = positions.map(position => ({ ...position, note: rows.position(tx, group, position)?.note }))
  setPositions(tx, group, noted, rules)
}

/** With their notes, whatever was noted before. */
export function setPositions(
  tx: GroupTransaction,
  group: string,
  positions: readonly Committed[],
  rules: SettleRules,
): void {
  checkGroupName(group)
  settle(tx, group, rules) // an owner that is dead is none, and its epoch is no longer valid
  for (const position of positions) {
    const { owner } = rows.owner(tx, group, position)
    if (owner) {
      throw new HoldfastError('GROUP_ACTIVE', {
        detail: `${partitionId(position)} is owned by ${owner.name} of group ${group}`,
        facts: { group, members: [owner.name] },
      })
    }
    checkNote(position)
    checkWithin(rules.topics, group, position)
    const { topic, partition, offset, note } = position
    rows.putPosition(tx, group, { topic, partition, offset, note, epoch: undefined })
  }
}

export function deleteGroup(tx: GroupTransaction, group: string, rules: SettleRules): void {
  settle(tx, group, rules)
  const members = rows.members(tx, group).map(member => member.name)
  if (members.length > 0) {
    throw new HoldfastError('GROUP_ACTIVE', {
      detail: `group ${group} has the members ${members.join(', ')}`,
      facts: { group, members },
    })
  }
  // Owner rows stay: were epochs to begin again at 1, a member stopped long ago could commit under one of them.
  rows.deletePositions(tx, group)
}

export function listGroups(view: GroupView, rules: SettleRules): string[] {
  return [...rows.groups(view)]
    .filter(
      group =>
        rows.positions(view, group).length > 0 ||
        rows.members(view, group).some(member => isAlive(member, rules)),
    )
    .toSorted()
}

export function describeGroup(view: GroupView, group: string, rules: SettleRules): GroupDescription {
  const members = rows.members(view, group).filter(member => isAlive(member, rules))
  const positions = rows.positions(view, group)
  const places = new Map([...rows.owners(view, group), ...positions].map(tp => [partitionId(tp), tp]))
  return {
    group,
    members: members.map(member => member.name),
    partitions: [...places.values()].map(({ topic, partition }) => {
      const { epoch, owner } = rows.owner(view, group, { topic, partition })
      return {
        topic,
        partition,
        epoch,
        owner: members.find(member => member.id === owner?.id)?.name,
        committed: rows.position(view, group, { topic, partition })?.offset,
      }
    }),
  }
}

/** How many partitions, for a topic that must be there. */
export function partitionsOf(topics: GroupTopics, group: string, topic: string): number {
  const partitions = topics.partitions(topic)
  if (partitions === undefined)
    throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `group ${group} names topic ${topic}` })
  return partitions
}

function checkWithin(topics: GroupTopics, group: string, position: Position): void {
  const place: TopicPartition = { topic: position.topic, partition: position.partition }
  if (place.partition >= partitionsOf(topics, group, place.topic)) {
    throw new HoldfastError('CONFIG_INVALID', { detail: `there is no partition ${partitionId(place)}` })
  }
  const end = topics.end(place)
  if (position.offset > end) {
    throw new HoldfastError('OFFSET_OUT_OF_RANGE', {
      detail: `group ${group} cannot stand at ${position.offset} of ${partitionId(place)}, which ends at ${end}`,
      facts: { end },
    })
  }
}

function checkNote({ note, ...tp }: Pick<Commit, 'topic' | 'partition' | 'note'>): void {
  const bytes = note === undefined ? 0 : new TextEncoder().encode(note).length
  if (bytes > MAX_NOTE_BYTES) {
    throw new HoldfastError('INTERNAL', {
      detail: `the note of ${partitionId(tp)} has ${bytes} bytes, at most ${MAX_NOTE_BYTES} are stored`,
    })
  }
}
