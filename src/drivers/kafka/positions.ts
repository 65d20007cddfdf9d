import {
  HoldfastError,
  isHoldfastError,
  offset,
  partitionId,
  type Clock,
  type Offset,
  type Position,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import type { Bounds } from '../../log/index.ts'
import type { Cluster } from './cluster.ts'
import { hasId, isLeadershipMoved, isNetwork, isTopicUnknown, kafkaError } from './errors.ts'
import type { Broker, Link } from './link.ts'
import { backOff } from './retry.ts'

export interface PositionsDeps {
  readonly cluster: Cluster
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  readonly requestTimeoutMs: number
  readonly signal: AbortSignal
}

/** Where a partition begins and ends, where a time is in it, and a new beginning. All is asked of its leader. */
export class Positions {
  readonly #deps: PositionsDeps

  constructor(deps: PositionsDeps) {
    this.#deps = deps
  }

  async bounds(tp: TopicPartition): Promise<Bounds> {
    const [start, end] = await Promise.all([this.#listed(tp, EARLIEST), this.#listed(tp, LATEST)])
    return { start: offset(start), end: offset(end < start ? start : end) }
  }

  async end(tp: TopicPartition): Promise<Offset> {
    return offset(await this.#listed(tp, LATEST))
  }

  /** By partition id; what does not exist is left out. */
  async ends(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>> {
    const found = await Promise.all(
      partitions.map(async tp => {
        try {
          return [[partitionId(tp), await this.end(tp)] as const]
        } catch (error) {
          if (isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')) return []
          throw error
        }
      }),
    )
    return new Map(found.flat())
  }

  async offsetAt(tp: TopicPartition, time: number): Promise<Offset> {
    // Below 0 the numbers mean something else.
    const found = await this.#listed(tp, BigInt(Math.max(0, Math.ceil(time))))
    return found >= 0n ? offset(found) : this.end(tp)
  }

  async deleteRecords(before: Position): Promise<void> {
    const { topic, partition } = before
    const { start, end } = await this.bounds(before)
    if (before.offset > end) throw outOfRange(before, { start, end })
    if (before.offset <= start) return
    await this.#atLeader(
      before,
      { doing: `delete records of ${partitionId(before)}`, grant: `Delete on topic ${topic}` },
      broker =>
        this.#deps.link.call(
          broker,
          'DeleteRecords',
          [{ name: topic, partitions: [{ partitionIndex: partition, offset: before.offset }] }],
          this.#deps.requestTimeoutMs,
        ),
    )
  }

  /** By ListOffsets; -1 when no record is that late. */
  async #listed(tp: TopicPartition, timestamp: bigint): Promise<bigint> {
    const { topic, partition } = tp
    const asked = {
      name: topic,
      partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }],
    }
    const attempt = { doing: `look into ${partitionId(tp)}`, grant: `Describe on topic ${topic}` }
    const { topics } = await this.#atLeader(tp, attempt, broker =>
      this.#deps.link.call(broker, 'ListOffsets', NO_REPLICA, READ_COMMITTED, [asked]),
    )
    const found = topics[0]?.partitions[0]
    if (found === undefined)
      throw new HoldfastError('INTERNAL', { detail: `no offset of ${partitionId(tp)} in the answer` })
    return found.offset
  }

  /** Finds the leader, again when it has moved or does not answer, for as long as a caller may be kept waiting. */
  async #atLeader<T>(
    tp: TopicPartition,
    attempt: { readonly doing: string; readonly grant: string },
    ask: (broker: Broker) => Promise<T>,
  ): Promise<T> {
    const { cluster, clock, signal } = this.#deps
    const until = clock.monotonic() + PATIENCE_MS
    for (let tries = 0; ; tries++) {
      try {
        const { broker } = await cluster.leader(tp)
        return await ask(broker)
      } catch (error) {
        const mayPass =
          isNetwork(error) || isLeadershipMoved(error) || hasId(error, 'LOG_STALLED', 'REQUEST_TIMED_OUT')
        const again = mayPass || (isTopicUnknown(error) && tries === 0)
        if (!again || signal.aborted || clock.monotonic() >= until) throw kafkaError(error, attempt)
        await backOff(this.#deps, tries, signal)
        await cluster.refresh(tp.topic).catch(() => {}) // the next try says what is wrong
      }
    }
  }
}

/** The error for a position that lies outside. */
export function outOfRange(at: Position, { start, end }: Bounds): HoldfastError {
  const { topic, partition } = at
  // With gaps fewer records than offsets are gone: this is how many there were at most.
  const lost = at.offset < start ? { lost: start - at.offset } : {}
  return new HoldfastError('OFFSET_OUT_OF_RANGE', {
    detail: `${at.offset} of ${partitionId(at)}, which holds ${start} to ${end}`,
    facts: { topic, partition, start, end, ...lost },
  })
}

const EARLIEST = -2n
const LATEST = -1n
const NO_REPLICA = -1
export const READ_COMMITTED = 1

/** Readiness and status pages ask, and must not hang. Milliseconds. */
const PATIENCE_MS = 5_000
