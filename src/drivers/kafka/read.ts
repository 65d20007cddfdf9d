import {
  HoldfastError,
  offset,
  partitionId,
  type Clock,
  type LogRecord,
  type Position,
  type Random,
} from '../../event/index.ts'
import type { ReadLimits, ReadResult } from '../../log/index.ts'
import type { Cluster, TopicView } from './cluster.ts'
import { hasId, isLeadershipMoved, isNetwork, isTopicUnknown, kafkaError } from './errors.ts'
import { addressOf, FetchHub } from './fetch-hub.ts'
import { KeptBatches, type Run } from './kept-batches.ts'
import type { Broker, MakeLink } from './link.ts'
import { outOfRange, type Positions } from './positions.ts'
import { backOff } from './retry.ts'

export interface ReaderDeps {
  readonly cluster: Cluster
  readonly positions: Positions
  readonly makeLink: MakeLink
  readonly requestTimeoutMs: number
  readonly clock: Clock
  readonly random: Random
  readonly closed: AbortSignal
}

/** Reads by position, from whoever leads the partition. */
export class Reader {
  readonly #deps: ReaderDeps
  readonly #kept: KeptBatches
  readonly #hub: FetchHub

  constructor(deps: ReaderDeps) {
    this.#deps = deps
    this.#kept = new KeptBatches(deps.clock)
    this.#hub = new FetchHub({
      ...deps,
      answered: (broker, { topicId, partition, offset }, fetched) =>
        this.#kept.put({ topicId, partition, leader: addressOf(broker) }, offset, fetched),
    })
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
        const here = { ...at, offset: offset(from) }
        const got =
          this.#known(broker, view, here) ?? (await this.#fetch(broker, view, here, limits, deadline, stop))
        if (got === undefined) continue // aborted
        const page = pageOf(here, got, limits)
        ;({ next: from, end } = page)
        if (page.records.length > 0 || clock.monotonic() >= deadline) return page
      } catch (error) {
        if (hasId(error, 'OFFSET_OUT_OF_RANGE')) await this.#refuseOutside({ ...at, offset: offset(from) })
        else if (!mayPass(error, tries) || clock.monotonic() >= patience) throw readError(at, error)
        await backOff(this.#deps, tries++, stop)
        await cluster.refresh(at.topic).catch(() => {}) // the next try says what is wrong
      }
    }
  }

  /** Records that were deleted are not answered any more. */
  deleted({ topic, partition, offset }: Position): void {
    const view = this.#deps.cluster.known(topic)
    if (view !== undefined) this.#kept.startsAt({ topicId: view.id, partition }, offset)
  }

  close(): Promise<void> {
    return this.#hub.close()
  }

  #known(broker: Broker, { id: topicId }: TopicView, { partition, offset }: Position): Found | undefined {
    return this.#kept.at({ topicId, partition, leader: addressOf(broker) }, offset)
  }

  async #fetch(
    broker: Broker,
    { id: topicId }: TopicView,
    at: Position,
    limits: ReadLimits,
    deadline: number,
    stop: AbortSignal,
  ): Promise<Found | undefined> {
    // Who wants one event is asked for the next one soon, and what is near it costs nothing.
    const maxBytes = Math.min(MAX_PARTITION_BYTES, Math.max(MIN_PARTITION_BYTES, limits.maxBytes))
    const waitMs = Math.max(0, deadline - this.#deps.clock.monotonic())
    const got = await this.#hub.fetch(broker, { ...at, topicId, maxBytes, waitMs }, stop)
    if (got === undefined) return undefined
    const { batches, next: read = at.offset, end } = got
    const next = read > at.offset ? read : at.offset
    return { batches, next, end: end > next ? end : next }
  }

  /** Returns when the bounds say that the position is inside: a leader that is new may not know all of it yet. */
  async #refuseOutside(at: Position): Promise<void> {
    const bounds = await this.#deps.positions.bounds(at)
    if (at.offset < bounds.start || at.offset > bounds.end) throw outOfRange(at, bounds)
  }
}

/** Batches that hold what stands from a position on, up to `next`. */
type Found = Pick<Run, 'batches' | 'next'> & { readonly end: bigint }

function pageOf(
  { offset: from, ...tp }: Position,
  { batches, next, end }: Found,
  limits: ReadLimits,
): ReadResult {
  const records: LogRecord[] = []
  const page = (upTo: bigint): ReadResult => ({ records, next: offset(upTo), end: offset(end) })
  let bytes = 0
  for (const batch of batches) {
    if (batch.next <= from) continue
    for (let nth = batch.find(from); nth < batch.count; nth++) {
      bytes += batch.bytesOf(nth)
      const isFull = records.length >= limits.maxRecords || bytes > limits.maxBytes
      if (isFull && records.length > 0) return page(batch.offsetOf(nth))
      records.push(batch.record(tp, nth))
    }
  }
  return page(next)
}

function mayPass(error: unknown, tries: number): boolean {
  return (
    isNetwork(error) ||
    isLeadershipMoved(error) ||
    hasId(error, 'LOG_STALLED', 'REQUEST_TIMED_OUT', 'UNKNOWN_SERVER_ERROR') ||
    (hasId(error, 'CORRUPT_MESSAGE') && tries < 2) || // on the way, or on a disk of which there is a copy elsewhere
    (isTopicUnknown(error) && tries === 0) // it may have been made, or made anew, since the brokers were asked
  )
}

function readError(at: Position, error: unknown): HoldfastError {
  if (hasId(error, 'CORRUPT_MESSAGE'))
    return new HoldfastError('LOG_CORRUPT', {
      detail: `partition ${partitionId(at)}, at or after ${at.offset}: ${(error as Error).message}`,
      facts: { topic: at.topic, partition: at.partition },
      cause: error,
    })
  return kafkaError(error, { doing: `read ${partitionId(at)}`, grant: `Read on topic ${at.topic}` })
}

/** Of one partition in one answer. */
const MIN_PARTITION_BYTES = 64 * 1024
const MAX_PARTITION_BYTES = 1024 * 1024
/** How long leaders are looked for before a reader is told. Milliseconds. */
const PATIENCE_MS = 5_000
