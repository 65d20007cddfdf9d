import { HoldfastError, offset, type Offset, type TopicPartition } from '../event/index.ts'
import type { GroupTransaction, GroupView } from './group-store.ts'
import type { ProcessIdentity } from './process-probe.ts'

/**
 * What a group keeps in the store:
 *
 * - `m/group/member` who is a member, and when it last said so
 * - `o/group/topic/partition` who owns the partition, under which epoch
 * - `c/group/topic/partition` how far the group is
 * - `v/group` a number that grows with every change of owners, so that others see cheaply whether to look
 */
export interface MemberRow {
  readonly id: string
  readonly name: string
  /** None once it is leaving: it is given nothing more and loses what it has. */
  readonly topics: readonly string[]
  readonly process: ProcessIdentity
  /** When it last said that it lives, on the machine's monotonic clock. */
  readonly beat: number
}

export interface OwnerRow extends TopicPartition {
  /** Grows at every change of owner and outlives all of them, 0 before the first. */
  readonly epoch: bigint
  readonly owner: { readonly id: string; readonly name: string } | undefined
  /** Since when the owner is asked to give it back, on the machine's monotonic clock. */
  readonly releasingSince: number | undefined
}

export interface PositionRow extends TopicPartition {
  readonly offset: Offset
  readonly note: string | undefined
  /** Under which it was committed; undefined when it was moved by hand. */
  readonly epoch: bigint | undefined
}

const namePattern = /^[a-zA-Z0-9._-]{1,200}$/

/** Names become parts of keys, so they hold no separator. */
export function checkGroupName(group: string): void {
  if (!namePattern.test(group)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `group must be 1 to 200 of the characters a-z A-Z 0-9 . _ -, got ${JSON.stringify(group)}`,
    })
  }
}

export const rows = {
  members(view: GroupView, group: string): MemberRow[] {
    return [...view.range(`m/${group}/`)].map(([, value]) => JSON.parse(value) as MemberRow)
  },
  putMember(tx: GroupTransaction, group: string, row: MemberRow): void {
    tx.put(`m/${group}/${row.id}`, JSON.stringify(row))
  },
  deleteMember(tx: GroupTransaction, group: string, id: string): void {
    tx.delete(`m/${group}/${id}`)
  },

  owners(view: GroupView, group: string): OwnerRow[] {
    return [...view.range(`o/${group}/`)].map(([key, value]) => ownerRow(key, value))
  },
  owner(view: GroupView, group: string, tp: TopicPartition): OwnerRow {
    const key = `o/${group}/${tp.topic}/${tp.partition}`
    const value = view.get(key)
    return value === undefined
      ? { topic: tp.topic, partition: tp.partition, epoch: 0n, owner: undefined, releasingSince: undefined }
      : ownerRow(key, value)
  },
  putOwner(tx: GroupTransaction, group: string, row: OwnerRow): void {
    const { topic, partition, epoch, owner, releasingSince } = row
    tx.put(
      `o/${group}/${topic}/${partition}`,
      JSON.stringify({ epoch: String(epoch), owner, releasingSince }),
    )
  },

  positions(view: GroupView, group: string): PositionRow[] {
    return [...view.range(`c/${group}/`)].map(([key, value]) => positionRow(key, value))
  },
  position(view: GroupView, group: string, tp: TopicPartition): PositionRow | undefined {
    const key = `c/${group}/${tp.topic}/${tp.partition}`
    const value = view.get(key)
    return value === undefined ? undefined : positionRow(key, value)
  },
  putPosition(tx: GroupTransaction, group: string, row: PositionRow): void {
    const { topic, partition, offset, note, epoch } = row
    const value = {
      offset: String(offset),
      note,
      epoch: epoch === undefined ? undefined : String(epoch),
    }
    tx.put(`c/${group}/${topic}/${partition}`, JSON.stringify(value))
  },
  deletePositions(tx: GroupTransaction, group: string): void {
    for (const key of keys(tx, `c/${group}/`)) tx.delete(key)
  },

  version(view: GroupView, group: string): string | undefined {
    return view.get(`v/${group}`)
  },
  raiseVersion(tx: GroupTransaction, group: string): void {
    tx.put(`v/${group}`, String(BigInt(tx.get(`v/${group}`) ?? 0) + 1n))
  },

  /** Groups that have a position or a member, dead or alive. */
  groups(view: GroupView): Set<string> {
    const names = (prefix: string): string[] =>
      [...view.range(prefix)].map(([key]) => key.split('/')[1] ?? '')
    return new Set([...names('m/'), ...names('c/')])
  },
}

/** Takes a topic out of all groups, so that one made later under its name starts without positions. */
export function forgetTopic(tx: GroupTransaction, topic: string): void {
  for (const key of keys(tx, 'c/')) if (key.split('/')[2] === topic) tx.delete(key)
}

/** Read to the end before anything is deleted: a cursor need not survive that. */
function keys(view: GroupView, prefix: string): string[] {
  return Array.from(view.range(prefix), ([key]) => key)
}

function ownerRow(key: string, value: string): OwnerRow {
  const { epoch, owner, releasingSince } = JSON.parse(value) as {
    epoch: string
    owner?: { id: string; name: string }
    releasingSince?: number
  }
  return { ...partitionOf(key), epoch: BigInt(epoch), owner, releasingSince }
}

function positionRow(key: string, value: string): PositionRow {
  const row = JSON.parse(value) as { offset: string; note?: string; epoch?: string }
  const epoch = row.epoch === undefined ? undefined : BigInt(row.epoch)
  return { ...partitionOf(key), offset: offset(row.offset), note: row.note, epoch }
}

function partitionOf(key: string): TopicPartition {
  const [, , topic = '', partition] = key.split('/')
  return { topic, partition: Number(partition) }
}
