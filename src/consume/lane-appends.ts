import {
  HoldfastError,
  isHoldfastError,
  type LogRecord,
  type NewRecord,
  type Offset,
} from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { shortened, type Failure } from '../recover/index.ts'
import { encodeLaneRecord, type Body, type Effect } from '../recover/lane/index.ts'

type Append = Extract<Effect, { kind: 'append' }>

export interface LaneAppendsOptions {
  readonly log: Log
  readonly topic: string
  readonly partition: number
  bytes(origin: Offset, body: Body): Promise<LogRecord>
  /** It became durable. */
  appended(seq: number, position: Offset): void
  /** What may be tried again failed: waits for a while. */
  failed(error: unknown): Promise<void>
  readonly signal: AbortSignal
}

/** Records in one call. */
const MAX_BATCH = 500

/**
 * Appends to the retry lane, one call after another, in the order in which they were asked for: a failed one is tried
 * again before the next, or a successor could find that an event ended which came after one that did not.
 */
export class LaneAppends {
  readonly #o: LaneAppendsOptions
  #waiting: Append[] = []
  #working = false
  /** Parks that did not fit with all that is known of their failures. */
  readonly #short = new Set<number>()

  constructor(options: LaneAppendsOptions) {
    this.#o = options
  }

  push(append: Append): void {
    this.#waiting.push(append)
  }

  /** Returns when nothing waits, or at the abort. Rejects when no trying helps. */
  async work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    while (this.#waiting.length > 0 && !this.#o.signal.aborted) {
      const batch = this.#waiting.slice(0, MAX_BATCH)
      try {
        const records = await Promise.all(batch.map(append => this.#record(append)))
        const outcomes = await this.#o.log.append(this.#o.topic, records)
        this.#waiting.splice(0, batch.length)
        for (const [i, { record }] of batch.entries()) {
          const position = outcomes[i]?.position.offset
          if (position !== undefined) this.#o.appended(record.seq, position)
        }
      } catch (error) {
        if (!this.#shorten(batch, error)) await this.#o.failed(error)
      }
    }
    this.#working = false
  }

  /**
   * The event itself fitted into its topic; what the lane adds is mostly the errors, so they are told in a few words.
   * Throws when that was done already: such a partition stops rather than trying for ever.
   */
  #shorten(batch: readonly Append[], error: unknown): boolean {
    if (!isHoldfastError(error, 'LOG_RECORD_TOO_LARGE')) return false
    const append = batch[Number(error.facts['index'])]
    if (!append || this.#short.has(append.record.seq)) throw error
    this.#short.add(append.record.seq)
    return true
  }

  async #record({ record, body }: Append): Promise<NewRecord> {
    const { partition } = this.#o
    if (record.kind !== 'park') return encodeLaneRecord(record, partition)
    if (!body) throw new HoldfastError('INTERNAL', { detail: `a park of ${record.origin} without its event` })
    const { key, headers, value, timestamp } = await this.#o.bytes(record.origin, body)
    const cut = (failure: Failure | undefined): Failure | undefined =>
      failure && this.#short.has(record.seq) ? shortened(failure) : failure
    const { first, last } = record.state
    const state = { ...record.state, first: cut(first), last: cut(last) }
    return encodeLaneRecord({ ...record, state, event: { key, headers, value, time: timestamp } }, partition)
  }
}
