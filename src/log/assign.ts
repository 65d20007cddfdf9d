import { partitionId, type TopicPartition } from '../event/index.ts'

export interface Candidate {
  readonly id: string
  readonly topics: ReadonlySet<string>
}

/**
 * Shares partitions out among members: each gets as many as the others, give or take one, counted over all topics, and
 * keeps what it has as long as that allows. A partition goes only to a member that reads its topic; one that nobody
 * reads is left out.
 *
 * A pure function of its arguments, members and partitions in any order: every process comes to the same answer.
 */
export function assign(
  partitions: readonly TopicPartition[],
  members: readonly Candidate[],
  kept: ReadonlyMap<string, string>,
): Map<string, string> {
  const hands = members
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(member => ({ member, holds: [] as TopicPartition[] }))
  const handOf = new Map(hands.map(hand => [hand.member.id, hand]))
  const ordered = partitions.toSorted(
    (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
  )

  const free: TopicPartition[] = []
  for (const tp of ordered) {
    const hand = handOf.get(kept.get(partitionId(tp)) ?? '')
    if (hand?.member.topics.has(tp.topic)) hand.holds.push(tp)
    else free.push(tp)
  }
  for (const tp of free) {
    const readers = hands.filter(hand => hand.member.topics.has(tp.topic))
    if (readers.length > 0)
      readers.reduce((least, hand) => (hand.holds.length < least.holds.length ? hand : least)).holds.push(tp)
  }
  while (moveOne(hands)) {
    // Each move brings two hands closer, so this ends.
  }
  return new Map(hands.flatMap(({ member, holds }) => holds.map(tp => [partitionId(tp), member.id] as const)))
}

interface Hand {
  readonly member: Candidate
  readonly holds: TopicPartition[]
}

/** Moves one partition from the fullest hand that can give to the emptiest that can take, if they differ by two or more. */
function moveOne(hands: readonly Hand[]): boolean {
  const byCount = hands.toSorted((a, b) => a.holds.length - b.holds.length)
  for (const rich of byCount.toReversed()) {
    for (const poor of byCount) {
      if (rich.holds.length - poor.holds.length < 2) break
      const at = rich.holds.findLastIndex(tp => poor.member.topics.has(tp.topic))
      if (at >= 0) {
        poor.holds.push(...rich.holds.splice(at, 1))
        return true
      }
    }
  }
  return false
}
