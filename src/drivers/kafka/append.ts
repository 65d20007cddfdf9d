import { HoldfastError } from '../../event/index.ts'
import { checkRecordSizes, type AppendOutcome } from '../../log/index.ts'
import { AppendCall, type KafkaRecord } from './append-call.ts'
import { TopicAppends, type TopicAppendsDeps } from './topic-appends.ts'
import { encodeBody } from './written-batch.ts'

export interface AppenderDeps extends TopicAppendsDeps {
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

  append(topic: string, records: readonly KafkaRecord[]): Promise<readonly AppendOutcome[]> {
    const { limits, clock } = this.#deps
    try {
      checkRecordSizes(topic, records, limits.maxRecordBytes)
      if (records.length === 0) return Promise.resolve([])
      const call = new AppendCall(topic, records, records.map(encodeBody), {
        deadline: clock.monotonic() + limits.deliveryTimeoutMs,
        answered: this.#answered,
      })
      this.#checkRoom(call.bytes)
      this.#begin(call)
      this.#appends(topic).add(call)
      return call.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Resolves when every call is answered, which takes no longer than their time-out. */
  async drain(): Promise<void> {
    if (this.#calls.size > 0) await this.#idle.promise
    this.#cancelTimer?.()
  }

  /** The topic is gone: one of this name that comes later is new. */
  forget(topic: string): void {
    this.#topics.delete(topic)
    this.#deps.producers.renew()
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
    if (this.#calls.size === 1) this.#awaitDeadline()
  }

  readonly #answered = (call: AppendCall): void => {
    this.#calls.delete(call)
    if (this.#calls.size === 0) this.#idle.resolve()
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
      late.add(call.topic)
    }
    for (const topic of late) this.#topics.get(topic)?.sweep()
  }
}
