import {
  HoldfastError,
  isHoldfastError,
  type Clock,
  type NewRecord,
  type Offset,
  type Random,
  type TopicPartition,
} from '../../event/index.ts'
import {
  checkRecordSizes,
  partitioner,
  type AppendOutcome,
  type AppendRecord,
  type Partitioner,
} from '../../log/index.ts'
import { AppendCall, type Entry } from './append-call.ts'
import type { Cluster, TopicView } from './cluster.ts'
import { Lane, type LaneDeps } from './lane.ts'
import { backOff } from './retry.ts'
import type { TopicFacts } from './topic-facts.ts'
import { BATCH_BYTES, encode, wireBytes } from './wire-record.ts'

export interface AppenderDeps extends Omit<LaneDeps, 'maxBatchBytes' | 'decided'> {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly random: Random
  /** What a topic is set to. */
  readonly facts: (topic: string) => Promise<TopicFacts>
  readonly limits: {
    readonly maxRecordBytes: number
    readonly maxQueueBytes: number
    readonly deliveryTimeoutMs: number
  }
}

/**
 * Appends of all topics: sizes and room are checked at once, partitions chosen in the order of the calls, and what
 * follows is each partition's own matter (lane.ts). Answers every call in time, also when no broker does.
 */
export class Appender {
  readonly #deps: AppenderDeps
  readonly #topics = new Map<string, TopicAppends>()
  /** Those that are not answered, oldest first: their deadlines only grow. */
  readonly #calls = new Set<AppendCall>()
  #cancelTimer: (() => void) | undefined
  #bytes = 0
  #idle = Promise.withResolvers<void>()

  constructor(deps: AppenderDeps) {
    this.#deps = deps
    this.#idle.resolve()
  }

  append(topic: string, records: readonly AppendRecord[]): Promise<readonly AppendOutcome[]> {
    const { limits, clock } = this.#deps
    try {
      checkRecordSizes(topic, records, limits.maxRecordBytes)
      if (records.length === 0) return Promise.resolve([])
      const bytes = records.reduce((sum, record) => sum + wireBytes(record), 0)
      this.#checkRoom(bytes)
      const call = new AppendCall(topic, records, bytes, clock.monotonic() + limits.deliveryTimeoutMs)
      this.#begin(call)
      this.#appends(topic).add(call)
      return call.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Appends records with times of their own to one partition, for a migration, and answers the offset of the first. They
   * follow on one another unless somebody else writes to the partition.
   */
  async appendAt(
    { topic, partition }: TopicPartition,
    records: readonly (NewRecord & { readonly timestamp: number })[],
  ): Promise<Offset | undefined> {
    const outcomes = await this.append(
      topic,
      records.map(record => ({ ...record, partition })),
    )
    return outcomes[0]?.position.offset
  }

  /** Resolves when every call is answered, which takes no longer than their time-out. */
  async drain(): Promise<void> {
    if (this.#calls.size > 0) await this.#idle.promise
    this.#cancelTimer?.()
  }

  /** The topic is gone: one of this name that comes later is new. */
  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  #checkRoom(bytes: number): void {
    const { maxQueueBytes } = this.#deps.limits
    // An idle queue takes one call of any size, or a call larger than the bound could never be stored.
    if (this.#bytes === 0 || this.#bytes + bytes <= maxQueueBytes) return
    throw new HoldfastError('LOG_FULL', {
      detail: `${this.#bytes} bytes wait to be stored, maxQueueBytes is ${maxQueueBytes}: the brokers are slower than the producers, or away`,
      facts: { queueBytes: this.#bytes, maxQueueBytes },
    })
  }

  #begin(call: AppendCall): void {
    if (this.#calls.size === 0) this.#idle = Promise.withResolvers()
    this.#calls.add(call)
    const answered = (): void => {
      this.#calls.delete(call)
      if (this.#calls.size === 0) this.#idle.resolve()
    }
    call.promise.then(answered, answered)
    if (this.#calls.size === 1) this.#awaitDeadline()
  }

  #appends(topic: string): TopicAppends {
    let appends = this.#topics.get(topic)
    if (appends === undefined) {
      const room = { taken: (bytes: number) => void (this.#bytes += bytes) }
      this.#topics.set(topic, (appends = new TopicAppends(topic, this.#deps, room)))
    }
    return appends
  }

  /** One timer, for the oldest call. */
  #awaitDeadline(): void {
    this.#cancelTimer?.()
    const [oldest] = this.#calls
    if (oldest === undefined) return
    const { clock } = this.#deps
    this.#cancelTimer = clock.after(Math.max(1, oldest.deadline - clock.monotonic()), () => {
      this.#timeUp(clock.monotonic())
      this.#awaitDeadline()
    })
  }

  #timeUp(now: number): void {
    const late = new Set<string>()
    for (const call of this.#calls) {
      if (call.deadline > now) break
      call.timeUp(this.#topics.get(call.topic)?.trouble(call) ?? 'the topic was deleted')
      this.#calls.delete(call)
      late.add(call.topic)
    }
    for (const topic of late) this.#topics.get(topic)?.sweep()
    if (this.#calls.size === 0) this.#idle.resolve()
  }
}

/** Appends to one topic: they wait here, in order, until it is known what the topic is like. */
class TopicAppends {
  readonly #topic: string
  readonly #deps: AppenderDeps
  readonly #room: { taken(bytes: number): void }
  readonly #choose: Partitioner
  readonly #lanes = new Map<number, Lane>()
  #waiting: AppendCall[] = []
  #looking = false
  #isCheckingAgain = false
  /** It is known what the topic takes, and that it is as durable as asked for. */
  #isChecked = false
  #maxBatchBytes = Number.POSITIVE_INFINITY
  #trouble = 'no broker has answered yet'

  constructor(topic: string, deps: AppenderDeps, room: { taken(bytes: number): void }) {
    this.#topic = topic
    this.#deps = deps
    this.#room = room
    this.#choose = partitioner(topic)
  }

  add(call: AppendCall): void {
    this.#room.taken(call.bytes)
    this.#waiting.push(call)
    if (this.#looking) return
    const view = this.#deps.cluster.known(this.#topic)
    if (view === undefined || !this.#isChecked) void this.#look(false)
    else this.#place(view)
  }

  trouble({ entries }: AppendCall): string {
    const [first] = entries
    return first === undefined ? this.#trouble : (this.#laneOf.get(first)?.trouble ?? this.#trouble)
  }

  sweep(): void {
    const over = this.#waiting.filter(call => call.over)
    this.#waiting = this.#waiting.filter(call => !call.over)
    for (const { bytes } of over) this.#room.taken(-bytes)
    for (const lane of this.#lanes.values()) lane.sweep()
  }

  readonly #laneOf = new WeakMap<Entry, Lane>()

  /** Learns what the topic is like, and goes on with what waits. Tries as long as anything does. */
  async #look(isFresh: boolean): Promise<void> {
    const { cluster, facts, signal } = this.#deps
    this.#looking = true
    for (let tries = 0; this.#waiting.length > 0 && !signal.aborted; tries++) {
      try {
        const view = await cluster.topic(this.#topic, { fresh: isFresh || tries > 0 })
        if (view === undefined) throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: this.#topic })
        this.#maxBatchBytes = (await facts(this.#topic)).maxMessageBytes
        this.#isChecked = true
        this.#looking = false
        this.#place(view)
        return
      } catch (error) {
        if (!isHoldfastError(error, 'LOG_STALLED')) {
          for (const call of this.#waiting.splice(0)) this.#reject(call, error)
          break
        }
        this.#trouble = error.detail
        await backOff(this.#deps, tries, signal)
      }
    }
    this.#looking = false
  }

  /** Gives the calls that wait to their partitions, in their order. */
  #place(view: TopicView): void {
    const { clock } = this.#deps
    while (this.#waiting.length > 0) {
      const [call] = this.#waiting
      if (call === undefined) return
      try {
        if (!call.over) this.#toLanes(call, view)
        else this.#room.taken(-call.bytes)
        this.#waiting.shift()
      } catch (error) {
        // The partition may have been added since: look once, and keep the order meanwhile.
        if (isHoldfastError(error, 'CONFIG_INVALID') && clock.monotonic() - view.seenAt > LOOK_AGAIN_MS)
          return void this.#look(true)
        this.#waiting.shift()
        this.#reject(call, error)
      }
    }
    if (clock.monotonic() - view.seenAt > VIEW_MAX_AGE_MS) void this.#checkAgain()
  }

  /** Others may have added partitions, or set the topic otherwise. What has gone wrong is met by the next append. */
  async #checkAgain(): Promise<void> {
    if (this.#isCheckingAgain) return
    this.#isCheckingAgain = true
    const { cluster, facts } = this.#deps
    try {
      await cluster.refresh(this.#topic)
      this.#maxBatchBytes = (await facts(this.#topic)).maxMessageBytes
    } catch {
      this.#isChecked = false
    }
    this.#isCheckingAgain = false
  }

  #toLanes(call: AppendCall, { partitions }: TopicView): void {
    const { records } = call
    this.#checkSizes(records)
    const lanes = new Map<Lane, Entry[]>()
    const places = records.map(record => this.#choose(record, partitions.length)) // all, before anything is on its way
    call.entries = records.map((record, index) => {
      const lane = this.#lane(places[index] ?? 0)
      const entry: Entry = {
        call,
        index,
        record: encode(record),
        bytes: wireBytes(record),
        timestamp: (record as { readonly timestamp?: number }).timestamp,
        state: 'queued',
      }
      this.#laneOf.set(entry, lane)
      const entries = lanes.get(lane)
      if (entries === undefined) lanes.set(lane, [entry])
      else entries.push(entry)
      return entry
    })
    for (const [lane, entries] of lanes) lane.add(entries)
  }

  /** As it is sent, a record takes more than what counts: it must fit into a batch of its own. */
  #checkSizes(records: readonly AppendRecord[]): void {
    for (const [index, record] of records.entries()) {
      const bytes = BATCH_BYTES + wireBytes(record)
      if (bytes <= this.#maxBatchBytes) continue
      throw new HoldfastError('LOG_RECORD_TOO_LARGE', {
        detail: `record ${index} for topic ${this.#topic} takes up to ${bytes} bytes as it is sent, and max.message.bytes of the topic is ${this.#maxBatchBytes}; nothing of this call was stored`,
        facts: { topic: this.#topic, index, bytes, maxRecordBytes: this.#maxBatchBytes },
      })
    }
  }

  #lane(partition: number): Lane {
    let lane = this.#lanes.get(partition)
    if (lane === undefined) {
      lane = new Lane(
        { topic: this.#topic, partition },
        {
          ...this.#deps,
          maxBatchBytes: () => this.#maxBatchBytes,
          decided: ({ bytes }) => this.#room.taken(-bytes),
        },
      )
      this.#lanes.set(partition, lane)
    }
    return lane
  }

  #reject(call: AppendCall, error: unknown): void {
    this.#room.taken(-call.bytes)
    call.reject(error)
  }
}

/** A partition that is not there is looked for when what is known is older than this. Milliseconds. */
const LOOK_AGAIN_MS = 1_000
/** Partitions that others add are seen after this, at the latest with the second append. Milliseconds. */
const VIEW_MAX_AGE_MS = 30_000
