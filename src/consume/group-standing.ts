import { partitionId, type Offset, type Position } from '../event/index.ts'
import type { GroupDescription, Groups, OwnedPartition } from '../log/index.ts'
import type { Dependency } from '../recover/index.ts'
import type { GroupContext } from './group-context.ts'
import type { PartitionOwner } from './partition-owner.ts'
import type { RangeRun } from './replay/index.ts'
import type { GroupStatus, PartitionStatus } from './status.ts'

export interface GroupStandingOptions {
  readonly context: GroupContext
  readonly groups: Groups
  /** As it stands in the log's list of owners. */
  readonly memberName: string
  /** What this process owns, by partition. It changes meanwhile. */
  readonly slots: ReadonlyMap<string, OwnedSlot>
  /** Aborted when the group has stopped. */
  readonly signal: AbortSignal
}

/** What there is to tell of a partition that is ours. */
export interface OwnedSlot {
  readonly owned: OwnedPartition
  readonly owner: PartitionOwner | undefined
  readonly range: RangeRun | undefined
  readonly committed: Offset | undefined
  readonly problem: string | undefined
  readonly stopped: string | undefined
}

/** How a group stands in this process, for people and for metrics. */
export class GroupStanding {
  readonly #o: GroupStandingOptions
  readonly #c: GroupContext

  constructor(options: GroupStandingOptions) {
    this.#o = options
    this.#c = options.context
  }

  async read(): Promise<Omit<GroupStatus, 'deadLetters'>> {
    const { group } = this.#c.settings
    const described = await this.#o.groups.describe(group)
    const rows = new Map(described.partitions.map(one => [partitionId(one), one]))
    const owned = await Promise.all(
      [...this.#o.slots.values()].map(slot =>
        this.#partitionStatus(slot, rows.get(partitionId(slot.owned))?.committed),
      ),
    )
    const partitions = [...owned, ...(await this.#orphans(rows))]
    const [reason] = [...this.#c.gate.reasons, ...partitions.flatMap(partition => partition.reason ?? [])]
    const worst = (['stopped', 'paused'] as const).find(state => partitions.some(one => one.state === state))
    return {
      group,
      topics: this.#c.settings.topics.map(topic => topic.name),
      state: worst ?? (this.#c.gate.reasons.length > 0 ? 'paused' : 'running'),
      reason,
      members: described.members,
      lag: partitions.reduce((sum, one) => sum + one.lag, 0n),
      lagSeconds: Math.max(0, ...partitions.map(one => one.lagSeconds)),
      parked: partitions.reduce((sum, one) => sum + one.parked, 0),
      partitions: partitions.toSorted((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition),
    }
  }

  /** Partitions that nobody owns: not taken over yet, or given up. Without them a group that has not begun looks done. */
  async #orphans(
    rows: ReadonlyMap<string, GroupDescription['partitions'][number]>,
  ): Promise<PartitionStatus[]> {
    const { log, settings } = this.#c
    const orphans: PartitionStatus[] = []
    for (const { name: topic, partitions } of settings.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const known = rows.get(partitionId({ topic, partition }))
        const elsewhere = known?.owner !== undefined && known.owner !== this.#o.memberName
        if (this.#o.slots.has(partitionId({ topic, partition })) || elsewhere) continue
        const { start, end } = await log.bounds({ topic, partition })
        const committed = known?.committed ?? start
        const lag = end > committed ? end - committed : 0n
        const time = lag > 0n ? await this.#timeAt({ topic, partition, offset: committed }) : undefined
        orphans.push({
          topic,
          partition,
          state: 'paused',
          reason: 'it has no owner yet',
          committed,
          end,
          lag,
          lagSeconds: this.#age(lag, time),
          inFlight: 0,
          parked: 0,
        })
      }
    }
    return orphans
  }

  #age(lag: bigint, time: number | undefined): number {
    return lag > 0n && time !== undefined ? Math.max(0, this.#c.clock.now() - time) / 1000 : 0
  }

  /** `known`: the position that the log has, for a partition whose takeover waits for something else. */
  async #partitionStatus(slot: OwnedSlot, known: Offset | undefined): Promise<PartitionStatus> {
    const { log, gate } = this.#c
    const { topic, partition } = slot.owned
    const { start, end } = await log.bounds({ topic, partition })
    const at = slot.range ? undefined : slot.owner?.commitable
    const committed = at ?? slot.committed ?? known ?? start
    const lag = end > committed ? end - committed : 0n
    const oldest =
      slot.owner?.oldestTime ??
      (lag > 0n ? await this.#timeAt({ topic, partition, offset: committed }) : undefined)
    const away = this.#away()
    const stopped = slot.stopped ?? slot.owner?.stopped
    const paused = slot.owner ? (slot.owner.paused ?? rangeText(slot)) : 'it is being taken over'
    const reason = stopped ?? slot.problem ?? gate.reasons[0] ?? away?.status().reason ?? paused
    return {
      topic,
      partition,
      state: stopped ? 'stopped' : reason !== undefined ? 'paused' : 'running',
      reason: away && reason === away.status().reason ? `${away.name} is away: ${reason}` : reason,
      committed,
      end,
      lag,
      lagSeconds: this.#age(lag, oldest),
      inFlight: slot.owner?.inFlight ?? 0,
      parked: slot.owner?.parked ?? 0,
    }
  }

  #away(): Dependency | undefined {
    return this.#c.dependencies.find(dependency => dependency.status().state !== 'CLOSED')
  }

  /** When the event at the position was appended; undefined where that cannot be read. */
  async #timeAt(at: Position): Promise<number | undefined> {
    try {
      const { records } = await this.#c.log.read(
        at,
        { maxRecords: 1, maxBytes: 1, waitMs: 0 },
        this.#o.signal,
      )
      return records[0]?.timestamp
    } catch {
      return undefined // corruption and retention are reported by the owner
    }
  }
}

function rangeText({ range }: OwnedSlot): string | undefined {
  if (!range) return undefined
  const { job, from, to } = range.range
  return `replay ${job} runs its events from ${from} to ${to} again; newer ones wait`
}
