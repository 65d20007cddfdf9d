import {
  HoldfastError,
  offset,
  partitionId,
  type Clock,
  type Position,
  type Random,
} from '../../event/index.ts'
import { recordBytes, type ReadLimits, type ReadResult } from '../../log/index.ts'
import type { Cluster } from './cluster.ts'
import { hasId, isLeadershipMoved, isNetwork, isTopicUnknown, kafkaError } from './errors.ts'
import type { FetchHub } from './fetch-hub.ts'
import { outOfRange, type Positions } from './positions.ts'
import { ReadAhead, type Ahead } from './read-ahead.ts'
import { backOff } from './retry.ts'
import { decode } from './wire-record.ts'

export interface ReaderDeps {
  readonly cluster: Cluster
  readonly hub: FetchHub
  readonly positions: Positions
  readonly clock: Clock
  readonly random: Random
  readonly closed: AbortSignal
}

/** Reads by position, from whoever leads the partition. */
export class Reader {
  readonly #deps: ReaderDeps
  readonly #ahead: ReadAhead

  constructor(deps: ReaderDeps) {
    this.#deps = deps
    this.#ahead = new ReadAhead(deps.clock)
  }

  async read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult> {
    const { cluster, clock, closed } = this.#deps
    const stop = AbortSignal.any([signal, closed])
    const deadline = clock.monotonic() + limits.waitMs
    const patience = clock.monotonic() + Math.max(limits.waitMs, PATIENCE_MS)
    let from: bigint = at.offset
    let end = from
    for (let tries = 0; ;) {
      if (stop.aborted) return { records: [], next: offset(from), end: offset(end) }
      try {
        const { broker, view } = await cluster.leader(at)
        const got =
          this.#ahead.take(view.id, at, from) ??
          (await this.#fetch(broker, { ...at, topicId: view.id, offset: from }, limits, deadline, stop))
        if (got === undefined) continue // aborted
        end = got.end
        from = got.next
        if (got.records.length > 0 || clock.monotonic() >= deadline)
          return this.#page(view.id, at, got, limits)
      } catch (error) {
        if (hasId(error, 'OFFSET_OUT_OF_RANGE')) await this.#refuseOutside({ ...at, offset: offset(from) })
        else if (!mayPass(error, tries) || clock.monotonic() >= patience) throw readError(at, error)
        await backOff(this.#deps, tries++, stop)
        await cluster.refresh(at.topic).catch(() => {}) // the next try says what is wrong
      }
    }
  }

  /** Records that were deleted are not answered any more. */
  forget({ topic, partition }: { readonly topic: string; readonly partition: number }): void {
    const view = this.#deps.cluster.known(topic)
    if (view !== undefined) this.#ahead.forget(view.id, partition)
  }

  async #fetch(
    broker: { readonly host: string; readonly port: number },
    from: {
      readonly topic: string
      readonly partition: number
      readonly topicId: string
      readonly offset: bigint
    },
    limits: ReadLimits,
    deadline: number,
    stop: AbortSignal,
  ): Promise<Ahead | undefined> {
    const { hub, clock } = this.#deps
    const maxBytes = Math.max(1, Math.min(MAX_PARTITION_BYTES, limits.maxBytes))
    const waitMs = Math.max(0, deadline - clock.monotonic())
    const got = await hub.fetch(broker, { ...from, maxBytes, waitMs }, stop)
    if (got === undefined) return undefined
    const { topic, partition } = from
    const { records, next } = decode({ topic, partition }, got.records, from.offset)
    // What open transactions hold back is not read, so it is not counted either.
    const end = got.lastStableOffset >= 0n ? got.lastStableOffset : got.highWatermark
    return { records, next, end: end > next ? end : next }
  }

  #page(topicId: string, at: Position, got: Ahead, limits: ReadLimits): ReadResult {
    let bytes = 0
    const rest = got.records.findIndex((record, i) => {
      bytes += recordBytes(record)
      return i > 0 && (i >= limits.maxRecords || bytes > limits.maxBytes)
    })
    const end = offset(got.end)
    if (rest === -1) return { records: got.records, next: offset(got.next), end }
    const later = got.records.slice(rest)
    this.#ahead.put(topicId, at, { ...got, records: later })
    return { records: got.records.slice(0, rest), next: later[0]?.offset ?? offset(got.next), end }
  }

  /** Returns when the bounds say that the position is inside: a leader that is new may not know all of it yet. */
  async #refuseOutside(at: Position): Promise<void> {
    const bounds = await this.#deps.positions.bounds(at)
    if (at.offset < bounds.start || at.offset > bounds.end) throw outOfRange(at, bounds)
  }
}

function mayPass(error: unknown, tries: number): boolean {
  return (
    isNetwork(error) ||
    isLeadershipMoved(error) ||
    hasId(error, 'LOG_STALLED', 'REQUEST_TIMED_OUT', 'UNKNOWN_SERVER_ERROR') ||
    (isTopicUnknown(error) && tries === 0) // it may have been made, or made anew, since the brokers were asked
  )
}

function readError(at: Position, error: unknown): HoldfastError {
  if (hasId(error, 'CORRUPT_MESSAGE'))
    return new HoldfastError('LOG_CORRUPT', {
      detail: `partition ${partitionId(at)}: a broker found damage at or after ${at.offset}`,
      facts: { topic: at.topic, partition: at.partition },
      cause: error,
    })
  return kafkaError(error, { doing: `read ${partitionId(at)}`, grant: `Read on topic ${at.topic}` })
}

/** Of one partition in one answer. */
const MAX_PARTITION_BYTES = 1024 * 1024
/** How long leaders are looked for before a reader is told. Milliseconds. */
const PATIENCE_MS = 5_000
