import { HoldfastError, isHoldfastError } from '../../event/index.ts'
import { partitioner, type Partitioner } from '../../log/index.ts'
import type { AppendCall, Entry } from './append-call.ts'
import type { Cluster, TopicView } from './cluster.ts'
import { Lane, type LaneDeps } from './lane.ts'
import { backOff } from './retry.ts'
import type { TopicFacts } from './topic-facts.ts'
import { BATCH_BYTES, bytesInBatch } from './written-batch.ts'

export interface TopicAppendsDeps extends Omit<LaneDeps, 'maxBatchBytes' | 'decided'> {
  readonly cluster: Cluster
  /** What a topic is set to. */
  readonly facts: (topic: string) => Promise<TopicFacts>
}

/** Appends to one topic: they wait here, in order, until it is known what the topic is like. */
export class TopicAppends {
  readonly #topic: string
  readonly #deps: TopicAppendsDeps
  readonly #room: { taken(bytes: number): void }
  readonly #choose: Partitioner
  readonly #lanes = new Map<number, Lane>()
  #waiting: AppendCall[] = []
  #looking = false
  #isCheckingAgain = false
  /** It is known what the topic takes, and that it is as durable as asked for. */
  #isChecked = false
  #maxBatchBytes = Number.POSITIVE_INFINITY
  /** When that was asked, by the monotonic clock. */
  #askedAt = 0
  #trouble = 'no broker has answered yet'

  constructor(topic: string, deps: TopicAppendsDeps, room: { taken(bytes: number): void }) {
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
    return first?.lane.trouble ?? this.#trouble
  }

  sweep(): void {
    const over = this.#waiting.filter(call => call.over)
    this.#waiting = this.#waiting.filter(call => !call.over)
    for (const { bytes } of over) this.#room.taken(-bytes)
    for (const lane of this.#lanes.values()) lane.sweep()
  }

  /** Learns what the topic is like, and goes on with what waits. Tries as long as anything does. */
  async #look(isFresh: boolean): Promise<void> {
    const { cluster, facts, signal } = this.#deps
    this.#looking = true
    for (let tries = 0; this.#waiting.length > 0 && !signal.aborted; tries++) {
      try {
        const view = await cluster.topic(this.#topic, { fresh: isFresh || tries > 0 })
        if (view === undefined) throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: this.#topic })
        this.#takes(await facts(this.#topic))
        this.#isChecked = true
        this.#looking = false
        this.#place(view, isFresh || tries > 0)
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

  #takes({ maxMessageBytes }: TopicFacts): void {
    this.#maxBatchBytes = maxMessageBytes
    this.#askedAt = this.#deps.clock.monotonic()
  }

  /** Gives the calls that wait to their partitions, in their order. `isFresh`: what is known was asked for them. */
  #place(view: TopicView, isFresh = false): void {
    const { clock } = this.#deps
    while (this.#waiting.length > 0) {
      const [call] = this.#waiting
      if (call === undefined) return
      try {
        if (!call.over) this.#toLanes(call, view)
        else this.#room.taken(-call.bytes)
        this.#waiting.shift()
      } catch (error) {
        // The partition may have been added since, or the topic set to take more: look once, and keep the order meanwhile.
        if (!isFresh && clock.monotonic() - this.#knownAt(error, view) > LOOK_AGAIN_MS)
          return void this.#look(true)
        this.#waiting.shift()
        this.#reject(call, error)
      }
    }
    if (clock.monotonic() - view.seenAt > VIEW_MAX_AGE_MS) void this.#checkAgain()
  }

  /** When that was learned for which a call is refused; infinite for what does not change. */
  #knownAt(refusal: unknown, { seenAt }: TopicView): number {
    if (isHoldfastError(refusal, 'CONFIG_INVALID')) return seenAt
    return isHoldfastError(refusal, 'LOG_RECORD_TOO_LARGE') ? this.#askedAt : Number.POSITIVE_INFINITY
  }

  /** Others may have added partitions, or set the topic otherwise. What has gone wrong is met by the next append. */
  async #checkAgain(): Promise<void> {
    if (this.#isCheckingAgain) return
    this.#isCheckingAgain = true
    const { cluster, facts } = this.#deps
    try {
      await cluster.refresh(this.#topic)
      this.#takes(await facts(this.#topic))
    } catch {
      this.#isChecked = false
    }
    this.#isCheckingAgain = false
  }

  #toLanes(call: AppendCall, { partitions }: TopicView): void {
    const { records, bodies } = call
    this.#checkSizes(bodies)
    const places = records.map(record => this.#choose(record, partitions.length)) // all, before anything is on its way
    const lanes = new Set<Lane>()
    call.entries = bodies.map((body, index) => {
      const lane = this.#lane(places[index] ?? 0)
      const timestamp = records[index]?.timestamp
      const entry: Entry = { call, index, lane, body, bytes: bytesInBatch(body), timestamp, state: 'queued' }
      lanes.add(lane)
      lane.add(entry)
      return entry
    })
    for (const lane of lanes) lane.run()
  }

  /** As it is sent, a record takes more than what counts: it must fit into a batch of its own. */
  #checkSizes(bodies: readonly Buffer[]): void {
    const index = bodies.findIndex(body => bytesInBatch(body) + BATCH_BYTES > this.#maxBatchBytes)
    const body = bodies[index]
    if (body === undefined) return
    const bytes = bytesInBatch(body) + BATCH_BYTES
    throw new HoldfastError('LOG_RECORD_TOO_LARGE', {
      detail: `record ${index} for topic ${this.#topic} takes up to ${bytes} bytes as it is sent, and max.message.bytes of the topic is ${this.#maxBatchBytes}; nothing of this call was stored`,
      facts: { topic: this.#topic, index, bytes, maxRecordBytes: this.#maxBatchBytes },
    })
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

/** A partition that is not there is looked for, and room for a record, when what is known is older than this. Milliseconds. */
const LOOK_AGAIN_MS = 1_000
/** Partitions that others add are seen after this, at the latest with the second append. Milliseconds. */
const VIEW_MAX_AGE_MS = 30_000
