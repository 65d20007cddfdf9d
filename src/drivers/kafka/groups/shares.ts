import { partitionId, type TopicPartition } from '../../../event/index.ts'
import type { OwnedPartition } from '../../../log/index.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type TopicPartitions,
} from './consumer-protocol.ts'

/** Under this name members agree on how partitions are shared out; members of other clients know it not and stay out. */
export const PROTOCOL = 'holdfast'

/** What a member says when it joins. */
export interface Subscription {
  /** Shown to people. */
  readonly name: string
  readonly topics: readonly string[]
  /** It drains what it has and leaves: it is given nothing more. */
  readonly leaving: boolean
  /** The last generation of which it knows its share; -1 before the first. */
  readonly generation: number
  /** What epochs are counted from ({@link Share.base}); undefined before the first share. */
  readonly base: bigint | undefined
  readonly holds: readonly Holding[]
}

/** What a member is told that it has. */
export interface Share {
  /** Epochs are this plus the generation in which the partition was gained. */
  readonly base: bigint
  readonly holds: readonly Holding[]
  /** By topic, how many partitions were shared out. */
  readonly partitions: ReadonlyMap<string, number>
}

/** A partition in the hands of a member; `release`: it is to drain it and give it back, or is at that. */
export interface Holding extends OwnedPartition {
  readonly release: boolean
}

export function encodeOurSubscription(subscription: Subscription): Buffer {
  const { name, topics, leaving, generation, base, holds } = subscription
  const data = { v: VERSION, name, leaving, generation, base: base?.toString(), holds: rowsOf(holds) }
  return encodeSubscription({ topics, userData: Buffer.from(JSON.stringify(data)), owned: byTopic(holds) })
}

/** Undefined for what another client said. */
export function decodeOurSubscription(from: Buffer): Subscription | undefined {
  return decoded(() => {
    const { topics, userData } = decodeSubscription(from)
    const data = parsed<{ name: string; leaving: boolean; generation: number; base?: string; holds: Row[] }>(
      userData,
    )
    if (!data) return undefined
    const { name, leaving, generation, base } = data
    return {
      name,
      topics,
      leaving,
      generation,
      base: base === undefined ? undefined : BigInt(base),
      holds: data.holds.map(holding),
    }
  })
}

export function encodeShare({ base, holds, partitions }: Share): Buffer {
  const data = {
    v: VERSION,
    base: base.toString(),
    holds: rowsOf(holds),
    partitions: Object.fromEntries(partitions),
  }
  return encodeAssignment({ assigned: byTopic(holds), userData: Buffer.from(JSON.stringify(data)) })
}

/** Undefined for what another client made. */
export function decodeShare(from: Buffer): Share | undefined {
  return decoded(() => {
    const data = parsed<{ base: string; holds: Row[]; partitions: Record<string, number> }>(
      decodeAssignment(from).userData,
    )
    if (!data) return undefined
    const { base, holds, partitions } = data
    return {
      base: BigInt(base),
      holds: holds.map(holding),
      partitions: new Map(Object.entries(partitions)),
    }
  })
}

const VERSION = 1

/** topic, partition, epoch, whether it is to be released */
type Row = readonly [string, number, string, 0 | 1]

function rowsOf(holds: readonly Holding[]): Row[] {
  return holds.map(({ topic, partition, epoch, release }) => [
    topic,
    partition,
    epoch.toString(),
    release ? 1 : 0,
  ])
}

function holding([topic, partition, epoch, release]: Row): Holding {
  return { topic, partition, epoch: BigInt(epoch), release: release === 1 }
}

function parsed<Data>(userData: Buffer | undefined): Data | undefined {
  if (!userData || userData.length === 0) return undefined
  const data: unknown = JSON.parse(userData.toString())
  return (data as { v?: unknown } | null)?.v === VERSION ? (data as Data) : undefined
}

/** User data is whatever a client puts there: what cannot be read is not ours. */
function decoded<Result>(decode: () => Result): Result | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}

function byTopic(partitions: readonly TopicPartition[]): TopicPartitions[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions.toSorted((a, b) =>
    partitionId(a) < partitionId(b) ? -1 : 1,
  )) {
    const list = topics.get(topic) ?? []
    topics.set(topic, list)
    list.push(partition)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
