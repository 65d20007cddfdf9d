import { partitionId, type TopicPartition } from '../../../event/index.ts'
import { assign } from '../../../log/index.ts'
import type { Holding, Share, Subscription } from './shares.ts'

/** A member that takes part in a round, as the one that leads it sees it. */
export interface Applicant {
  readonly id: string
  readonly subscription: Subscription
}

export interface Round {
  readonly generation: number
  readonly applicants: readonly Applicant[]
  /** How many partitions the topics have; those that do not exist are not in it. */
  readonly partitions: ReadonlyMap<string, number>
  /** Wall clock, milliseconds: where epochs begin in a group of which nobody remembers any. */
  readonly now: number
}

/**
 * Shares partitions out, as the member does that leads the round. What has an owner stays with it in this round, whoever
 * is to have it next: the owner is told to release it, drains it, and joins again without it; only then, in the round
 * that this makes, it is given to the next. So a partition never has two owners, and those that stay go on meanwhile.
 *
 * An epoch is the generation in which the partition was gained, on top of a base that all members carry along. The
 * broker's generation grows as long as the broker keeps the group, but it forgets a group that was deleted, or was empty
 * and without positions for a while, and counts from 1 again. So the base of a group in which nobody remembers one is
 * the time, far above all generations before it.
 */
export function shareOut({ generation, applicants, partitions, now }: Round): ReadonlyMap<string, Share> {
  const base = baseOf(applicants, generation, now)
  const epoch = base + BigInt(generation)
  const owners = ownersOf(applicants)
  const stay = [...owners].filter(([, { holding, by }]) => !holding.release && !by.subscription.leaving)
  const target = assign(
    wantedOf(applicants, partitions),
    applicants.map(({ id, subscription: { topics, leaving } }) => ({
      id,
      topics: new Set(leaving ? [] : topics),
    })),
    new Map(stay.map(([partition, { by }]) => [partition, by.id])),
  )

  const holds = new Map<string, Holding[]>(applicants.map(({ id }) => [id, []]))
  for (const [partition, { holding, by }] of owners) {
    const release = holding.release || target.get(partition) !== by.id
    holds.get(by.id)?.push({ ...holding, release })
  }
  for (const tp of wantedOf(applicants, partitions)) {
    const id = target.get(partitionId(tp))
    if (id !== undefined && !owners.has(partitionId(tp)))
      holds.get(id)?.push({ ...tp, epoch, release: false })
  }
  return new Map([...holds].map(([id, mine]) => [id, { base, holds: mine, partitions }]))
}

/** Room for a million generations before a base could meet the next one's; epochs stay within 64 bits until 2248. */
const GENERATIONS = 1n << 20n

function baseOf(applicants: readonly Applicant[], generation: number, now: number): bigint {
  const fresh = BigInt(Math.floor(now)) * GENERATIONS
  let base: bigint | undefined
  let known = -1
  for (const { subscription } of applicants) {
    if (subscription.base === undefined || (base !== undefined && subscription.base < base)) continue
    known = subscription.base === base ? Math.max(known, subscription.generation) : subscription.generation
    base = subscription.base
  }
  if (base === undefined) return fresh
  if (generation > known) return base
  // The broker counts anew: above every epoch that was given.
  const above = base + BigInt(known)
  return fresh > above ? fresh : above
}

interface Owner {
  readonly holding: Holding
  readonly by: Applicant
}

/**
 * Two may say that they have it, when one of them was away and has not heard that it lost it: the higher epoch is right.
 * It is nobody's any more when it is not of a topic that its owner reads.
 */
function ownersOf(applicants: readonly Applicant[]): Map<string, Owner> {
  const owners = new Map<string, Owner>()
  for (const by of applicants) {
    for (const holding of by.subscription.holds) {
      const other = owners.get(partitionId(holding))
      if (!other || other.holding.epoch < holding.epoch) owners.set(partitionId(holding), { holding, by })
    }
  }
  return owners
}

function wantedOf(
  applicants: readonly Applicant[],
  partitions: ReadonlyMap<string, number>,
): TopicPartition[] {
  const topics = new Set(
    applicants.flatMap(({ subscription }) => (subscription.leaving ? [] : subscription.topics)),
  )
  return [...topics].flatMap(topic =>
    Array.from({ length: partitions.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  )
}
