import { setTimeout as wait } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { partitionId } from '../../src/event/index.ts'
import type { GroupDescription } from '../../src/log/index.ts'
import { isAlive } from '../../src/server/processes.ts'
import type { System } from './system.ts'

/** What the log's own rows said about groups while a test ran. */
export interface GroupsSeen {
  /** The longest time in which a partition that had an owner was owned by no living process, milliseconds. */
  readonly longestUnownedMs: number
  /** The longest time in which a partition had events to do and its position did not move, milliseconds. */
  readonly longestStandstillMs: number
  /** How often a partition was seen with another owner or epoch than before. */
  readonly changes: number
  /** Positions and epochs that were seen to go back: none, if all is well. */
  readonly backwards: readonly string[]
  readonly samples: number
}

/** Between looks; a gap or a step back that is shorter can be missed. */
const EVERY_MS = 10

/** Looks at owners and positions of groups, from this process, until the answer is called. */
export async function watchGroups(
  system: System,
  groups: readonly string[],
): Promise<() => Promise<GroupsSeen>> {
  const opened = await system.openLog()
  const seen = new Sightings()
  let on = true
  // A gap between two looks counts as without an owner: on a busy machine nothing may wait for anything else.
  const watch = async (group: string): Promise<void> => {
    while (on) {
      const { partitions } = await opened.groups.describe(group)
      const now = performance.now()
      const owners = partitions.map(({ owner }) => (isLiving(owner) ? owner : undefined))
      const ends = await Promise.all(partitions.map(async at => (await opened.log.bounds(at)).end))
      for (const [i, at] of partitions.entries())
        seen.add(`${group} ${partitionId(at)}`, { ...at, owner: owners[i], end: ends[i] ?? 0n }, now)
      await wait(EVERY_MS)
    }
  }
  const watching = Promise.all(groups.map(watch)).finally(() => opened.close())
  const end = async (): Promise<GroupsSeen> => {
    on = false
    await watching
    return seen.summary()
  }
  onTestFinished(async () => void (await end()))
  return end
}

/** Kafka takes a member with an instance id for the owner while its process is gone. */
function isLiving(owner: string | undefined): boolean {
  return owner !== undefined && isAlive(Number(owner.split(':').at(-1)))
}

type Look = Omit<GroupDescription['partitions'][number], 'committed'> & {
  readonly committed: bigint | undefined
  readonly end: bigint
}

interface Sight {
  readonly epoch: bigint
  readonly committed: bigint
  readonly owned: boolean
  /** When it was owned last, and when it last moved or had nothing to do. */
  readonly ownedAt: number
  readonly movedAt: number
}

class Sightings {
  readonly #last = new Map<string, Sight>()
  readonly #backwards: string[] = []
  #longestUnownedMs = 0
  #longestStandstillMs = 0
  #changes = 0
  #samples = 0

  add(name: string, { owner, epoch, committed: known, end }: Look, now: number): void {
    this.#samples += 1
    const committed: bigint = known ?? 0n
    const last = this.#last.get(name) ?? { epoch, committed, owned: true, ownedAt: now, movedAt: now }
    // Kafka keeps none for a partition that nobody has.
    const since = owner === undefined ? last.epoch : epoch
    const stands = committed === last.committed && committed < end
    this.#last.set(name, {
      epoch: since,
      committed,
      owned: owner !== undefined,
      ownedAt: owner === undefined ? last.ownedAt : now,
      movedAt: stands ? last.movedAt : now,
    })
    if (owner === undefined || !last.owned)
      this.#longestUnownedMs = Math.max(this.#longestUnownedMs, now - last.ownedAt)
    this.#longestStandstillMs = Math.max(this.#longestStandstillMs, now - last.movedAt)
    if (since !== last.epoch) this.#changes += 1
    if (since < last.epoch) this.#backwards.push(`${name}: epoch ${last.epoch} → ${since}`)
    if (committed < last.committed) this.#backwards.push(`${name}: position ${last.committed} → ${committed}`)
  }

  summary(): GroupsSeen {
    return {
      longestUnownedMs: Math.round(this.#longestUnownedMs),
      longestStandstillMs: Math.round(this.#longestStandstillMs),
      changes: this.#changes,
      backwards: this.#backwards,
      samples: this.#samples,
    }
  }
}
