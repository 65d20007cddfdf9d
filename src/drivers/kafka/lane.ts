import {
  HoldfastError,
  othersTurn,
  partitionId,
  type Clock,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import { positionIn, type Entry } from './append-call.ts'
import type { Cluster } from './cluster.ts'
import { errorIds, isLeadershipMoved, isNetwork, isTopicUnknown, kafkaError } from './errors.ts'
import type { Broker, Link } from './link.ts'
import type { Batch, ProduceHub, Stored } from './produce-hub.ts'
import { judgeProduce, mayBeStored } from './produce-verdict.ts'
import type { ProducerId, ProducerIds } from './producer-ids.ts'
import { backOff } from './retry.ts'
import { BATCH_BYTES } from './written-batch.ts'

export interface LaneDeps {
  readonly cluster: Cluster
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  readonly hub: ProduceHub
  readonly producers: ProducerIds
  /** The largest batch that the topic takes. */
  readonly maxBatchBytes: () => number
  /** Told of each record that needs no room any more. */
  readonly decided: (entry: Entry) => void
  /** The broker lost our sequence: records that it may have are sent again under a new one. */
  readonly renewed: (of: TopicPartition, error: unknown) => void
  /** Nobody waits any more. */
  readonly signal: AbortSignal
}

/**
 * All appends to one partition, in their order: at most one batch is under way, and what comes meanwhile is the next
 * one. Nothing is sent before the batch in front of it has an answer, so nothing overtakes: two requests that are tried
 * again each on their own would.
 *
 * A batch is sent until a broker has answered, under a producer id and sequence by which the broker knows what it has
 * already. Only the callers' patience ends before (append.ts).
 */
export class Lane {
  readonly tp: TopicPartition
  /** What went wrong last, for whoever waits too long. */
  trouble = 'no broker has answered yet'
  readonly #deps: LaneDeps
  #queue: Entry[] = []
  #isRunning = false
  #producer: (ProducerId & { sequence: number }) | undefined
  #hadProducer = false
  /** Time of the last record in the partition: times never go back. */
  #lastTime: number | undefined

  constructor(tp: TopicPartition, deps: LaneDeps) {
    this.tp = tp
    this.#deps = deps
  }

  /** Takes it behind the others; {@link run} begins. */
  add(entry: Entry): void {
    this.#queue.push(entry)
  }

  run(): void {
    if (!this.#isRunning) void this.#run()
  }

  /** Drops what waits in vain: its caller was answered. */
  sweep(): void {
    this.#queue = this.#awaited(this.#queue)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    await othersTurn() // what is appended in the same turn goes into one batch
    while (this.#queue.length > 0 && !this.#deps.signal.aborted) await this.#deliver(this.#take(), false)
    this.#isRunning = false
  }

  #take(): Entry[] {
    const limit = Math.min(BATCH_LIMIT.bytes, this.#deps.maxBatchBytes())
    let bytes = BATCH_BYTES
    let count = 0
    for (const entry of this.#queue) {
      bytes += entry.bytes
      if (count > 0 && (bytes > limit || count >= BATCH_LIMIT.records)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Until it is stored, refused, or nobody waits for it. `unsure`: an earlier try may have stored it. */
  async #deliver(batch: Entry[], unsure: boolean): Promise<void> {
    const { signal } = this.#deps
    let entries = batch
    for (let tries = 0; !signal.aborted; tries++) {
      if (!unsure) {
        entries = this.#awaited(entries)
        if (entries.length === 0) return
      }
      let isSent = false
      try {
        const { broker, batch } = await this.#prepare(entries)
        const sending = (): void => {
          isSent = true
          for (const entry of entries) entry.state = 'sent'
        }
        return this.#stored(entries, await this.#deps.hub.store(broker, { ...batch, sending }))
      } catch (error) {
        this.trouble = kafkaError(error, this.#attempt).detail
        const ids = errorIds(error)
        switch (judgeProduce(ids)) {
          case 'again':
            unsure ||= isSent && mayBeStored(ids)
            if (isTopicUnknown(error) && tries >= LOOKS) return this.#refuse(entries, error, unsure)
            break
          case 'renew':
            this.#deps.renewed(this.tp, error)
            this.#producer = undefined
            break
          case 'known':
            return this.#lost(entries, error)
          case 'split': {
            if (entries.length === 1) return this.#refuse(entries, error, unsure)
            // Sequences of a try that may be stored are not used for other records.
            if (unsure) this.#producer = undefined
            const half = Math.ceil(entries.length / 2)
            await this.#deliver(entries.slice(0, half), unsure)
            await this.#deliver(entries.slice(half), unsure)
            return
          }
          case 'refuse':
            return this.#refuse(entries, error, unsure)
        }
        if (!unsure) for (const entry of entries) entry.state = 'queued'
        await this.#lookAgain(error)
        await backOff(this.#deps, tries, signal)
      }
    }
  }

  /** Without those whose callers were answered. */
  #awaited(entries: Entry[]): Entry[] {
    const [waiting, over] = partition(entries, ({ call }) => !call.over)
    over.forEach(this.#deps.decided)
    return waiting
  }

  /** All that has to be known before it is sent. */
  async #prepare(
    entries: readonly Entry[],
  ): Promise<{ readonly broker: Broker; readonly batch: Omit<Batch, 'sending'> }> {
    const { broker } = await this.#deps.cluster.leader(this.tp)
    const producer = (this.#producer ??= { ...(await this.#newProducer()), sequence: 0 })
    const last = (this.#lastTime ??= await this.#timeOfLast())
    const time = Math.max(last, Math.floor(this.#deps.clock.now()))
    for (const entry of entries) entry.timestamp ??= time
    this.#lastTime = entries.reduce((max, { timestamp = 0 }) => Math.max(max, timestamp), last)
    const records = entries.map(({ body, timestamp = time }) => ({ body, timestamp }))
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, BATCH_BYTES)
    return { broker, batch: { ...this.tp, records, bytes, producer: { ...producer } } }
  }

  /** The lanes of a log share an id, and so requests; one whose sequence was lost has its own from then on. */
  async #newProducer(): Promise<ProducerId> {
    const { producers } = this.#deps
    const id = this.#hadProducer ? await producers.own() : await producers.shared()
    this.#hadProducer = true
    return id
  }

  /** The latest time in the partition, whoever wrote it. Brokers before 3.0 do not say: then ours only grow among themselves. */
  async #timeOfLast(): Promise<number> {
    const { cluster, link } = this.#deps
    const { broker } = await cluster.leader(this.tp)
    const { topic, partition } = this.tp
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: LATEST_TIME }]
    try {
      const { topics } = await link.call(broker, 'ListOffsets', -1, 0, [{ name: topic, partitions }])
      return Math.max(0, Number(topics[0]?.partitions[0]?.timestamp ?? 0n))
    } catch (error) {
      if (isNetwork(error) || isLeadershipMoved(error) || isTopicUnknown(error)) throw error
      return 0
    }
  }

  #stored(entries: readonly Entry[], { baseOffset, logAppendTimeMs }: Stored): void {
    if (this.#producer !== undefined)
      this.#producer.sequence = (this.#producer.sequence + entries.length) % 2 ** 31
    for (const [i, entry] of entries.entries()) {
      // The topic may be set so that the broker stamps the records.
      const timestamp = logAppendTimeMs >= 0n ? Number(logAppendTimeMs) : (entry.timestamp ?? 0)
      this.#decide(entry, () => entry.call.stored(entry, positionIn(this.tp, baseOffset, i), timestamp))
    }
  }

  #refuse(entries: readonly Entry[], error: unknown, mayBeStored: boolean): void {
    if (mayBeStored) return this.#lost(entries, error)
    for (const entry of entries)
      this.#decide(entry, () => entry.call.refused(entry, refusal(error, entry, this.#attempt)))
  }

  /** What was sent and is given up: its sequence cannot be used for other records. */
  #lost(entries: readonly Entry[], error: unknown): void {
    this.#producer = undefined
    const failure = new HoldfastError('LOG_FAILED', {
      detail: `${partitionId(this.tp)}: ${kafkaError(error, this.#attempt).detail}`,
      cause: error,
    })
    for (const entry of entries) this.#decide(entry, () => entry.call.lost(entry, failure))
  }

  #decide(entry: Entry, tell: () => void): void {
    entry.state = 'decided'
    tell()
    this.#deps.decided(entry)
  }

  async #lookAgain(error: unknown): Promise<void> {
    if (!isNetwork(error) && !isLeadershipMoved(error) && !isTopicUnknown(error)) return
    try {
      await this.#deps.cluster.refresh(this.tp.topic)
    } catch (failure) {
      this.trouble = kafkaError(failure, this.#attempt).detail
    }
  }

  get #attempt(): { doing: string; grant: string } {
    return { doing: `append to ${partitionId(this.tp)}`, grant: `Write on topic ${this.tp.topic}` }
  }
}

const BATCH_LIMIT = { records: 500, bytes: 1_000_000 }
/** ListOffsets: the record with the latest time. */
const LATEST_TIME = -3n

/** A topic that so many looks did not find is deleted; right after it was made a broker may not know it yet. */
const LOOKS = 4

function refusal(
  error: unknown,
  { call, index, bytes }: Entry,
  attempt: { doing: string; grant: string },
): HoldfastError {
  const { topic } = call
  const ids = errorIds(error)
  if (ids.has('MESSAGE_TOO_LARGE') || ids.has('RECORD_LIST_TOO_LARGE'))
    return new HoldfastError('LOG_RECORD_TOO_LARGE', {
      detail: `record ${index} for topic ${topic} has about ${bytes} bytes as it is sent, and the brokers take less: its max.message.bytes was lowered`,
      facts: { topic, index, bytes },
      cause: error,
    })
  const known = kafkaError(error, attempt)
  return known.code === 'LOG_STALLED'
    ? new HoldfastError('LOG_DENIED', { detail: known.detail, facts: { topic, index }, cause: error })
    : known
}

function partition<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const one of all) (holds(one) ? yes : no).push(one)
  return [yes, no]
}
