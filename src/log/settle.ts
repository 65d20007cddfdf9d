import { partitionId, type TopicPartition } from '../event/index.ts'
import { assign } from './assign.ts'
import { rows, type MemberRow, type OwnerRow } from './group-rows.ts'
import type { GroupTopics, GroupTransaction } from './group-store.ts'
import type { ProcessProbe } from './process-probe.ts'

export interface SettleRules {
  readonly topics: GroupTopics
  readonly probe: ProcessProbe
  /** Now, on the machine's monotonic clock. */
  readonly now: number
  readonly sessionMs: number
  readonly revokeTimeoutMs: number
}

/**
 * Brings owners in line with members. Any member may run it, in any transaction; run again it changes nothing.
 *
 * A partition goes its way through three states:
 *
 *     free ──taken (epoch + 1)──▶ owned ──wanted elsewhere──▶ releasing ──given back, or time is up──▶ free
 *                                   └──────────── its owner is dead ────────────┴──────────────────────▶ free
 *
 * Releasing never goes back to owned: the owner may have stopped its work already. Answers whether anything changed.
 */
export function settle(tx: GroupTransaction, group: string, rules: SettleRules): boolean {
  const members = rows.members(tx, group)
  const living = members.filter(member => isAlive(member, rules))
  const dead = members.filter(member => !living.includes(member))
  for (const member of dead) rows.deleteMember(tx, group, member.id)

  const before = rows.owners(tx, group)
  const freed = before.map(row => freeIfGone(row, living, rules))
  const partitions = wanted(living, rules.topics)
  const target = assign(
    partitions,
    living.map(({ id, topics }) => ({ id, topics: new Set(topics) })),
    new Map(
      freed.flatMap(row =>
        row.owner && row.releasingSince === undefined ? [[partitionId(row), row.owner.id] as const] : [],
      ),
    ),
  )

  const current = new Map(freed.map(row => [partitionId(row), row]))
  for (const tp of partitions) {
    const id = partitionId(tp)
    if (!current.has(id)) current.set(id, rows.owner(tx, group, tp))
  }
  const stored = new Map(before.map(row => [partitionId(row), row]))
  let changed = dead.length > 0
  for (const [id, row] of current) {
    const next = step(
      row,
      living.find(member => member.id === target.get(id)),
      rules.now,
    )
    if (next === stored.get(id)) continue
    rows.putOwner(tx, group, next)
    changed = true
  }
  if (changed) rows.raiseVersion(tx, group)
  return changed
}

/**
 * Dead: its process is gone, or it has not been heard of for a session. A beat that lies ahead is of a machine that
 * was started again since.
 */
export function isAlive(
  member: MemberRow,
  { probe, now, sessionMs }: Pick<SettleRules, 'probe' | 'now' | 'sessionMs'>,
): boolean {
  return probe.alive(member.process) !== false && member.beat <= now && now - member.beat <= sessionMs
}

function freeIfGone(row: OwnerRow, living: readonly MemberRow[], rules: SettleRules): OwnerRow {
  if (row.owner === undefined) return row
  const gone = living.every(member => member.id !== row.owner?.id)
  const late = row.releasingSince !== undefined && rules.now - row.releasingSince >= rules.revokeTimeoutMs
  return gone || late ? free(row) : row
}

/** The row as given back; the epoch stays, and is raised when somebody takes it. */
export function free(row: OwnerRow): OwnerRow {
  return { ...row, owner: undefined, releasingSince: undefined }
}

function wanted(living: readonly MemberRow[], topics: GroupTopics): TopicPartition[] {
  const names = new Set(living.flatMap(member => member.topics))
  return [...names].flatMap(topic =>
    Array.from({ length: topics.partitions(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  )
}

function step(row: OwnerRow, target: MemberRow | undefined, now: number): OwnerRow {
  if (row.owner !== undefined) {
    const stays = row.owner.id === target?.id || row.releasingSince !== undefined
    return stays ? row : { ...row, releasingSince: now }
  }
  if (target === undefined) return row
  return {
    ...row,
    epoch: row.epoch + 1n,
    owner: { id: target.id, name: target.name },
    releasingSince: undefined,
  }
}
