import { HoldfastError, type Offset, type Position } from '../../event/index.ts'
import type { AppendOutcome, AppendRecord } from '../../log/index.ts'
import { bytesInBatch } from './written-batch.ts'

/** A record that may have a time of its own, when it is the copy of another; else it is stamped. */
export interface KafkaRecord extends AppendRecord {
  readonly timestamp?: number | undefined
}

/** One record of a call, on its way to a partition. */
export interface Entry {
  readonly call: AppendCall
  readonly index: number
  /** Where it is sent from, and what went wrong there last. */
  readonly lane: { readonly trouble: string }
  /** As it is sent. */
  readonly body: Buffer
  /** What it takes in a batch, at most. */
  readonly bytes: number
  /** Given by whoever appends (migration); else the lane stamps it. */
  timestamp: number | undefined
  state: 'queued' | 'sent' | 'decided'
}

/** What is to be appended in one call: answered when all of it is decided, or when its time is up. */
export class AppendCall {
  readonly topic: string
  readonly records: readonly KafkaRecord[]
  /** Each as it is sent. */
  readonly bodies: readonly Buffer[]
  /** What all take in batches, at most. */
  readonly bytes: number
  /** When its caller wants to be answered, by the monotonic clock. */
  readonly deadline: number
  readonly promise: Promise<readonly AppendOutcome[]>
  entries: readonly Entry[] = []
  /** Answered. What of it was sent goes on; what was not is dropped. */
  over = false
  readonly #outcomes: AppendOutcome[] = []
  readonly #settle: PromiseWithResolvers<readonly AppendOutcome[]>
  readonly #answered: (call: AppendCall) => void
  #undecided: number
  #stored = 0
  #refusal: HoldfastError | undefined
  #unknown: HoldfastError | undefined

  constructor(
    topic: string,
    records: readonly KafkaRecord[],
    bodies: readonly Buffer[],
    { deadline, answered }: { readonly deadline: number; readonly answered: (call: AppendCall) => void },
  ) {
    this.topic = topic
    this.records = records
    this.bodies = bodies
    this.bytes = bodies.reduce((sum, body) => sum + bytesInBatch(body), 0)
    this.deadline = deadline
    this.#answered = answered
    this.#undecided = records.length
    this.#settle = Promise.withResolvers()
    this.promise = this.#settle.promise
  }

  stored({ index }: Entry, position: Position, timestamp: number): void {
    this.#outcomes[index] = { kind: 'appended', position, timestamp }
    this.#stored++
    this.#decided()
  }

  /** The record is surely not stored. */
  refused(_entry: Entry, error: HoldfastError): void {
    this.#refusal ??= error
    this.#decided()
  }

  /** Nobody will ever know whether it is stored, or where. */
  lost(_entry: Entry, error: HoldfastError): void {
    this.#unknown ??= error
    this.#decided()
  }

  /** Refused whole, before any of it was on its way. */
  reject(error: unknown): void {
    if (this.over) return
    this.over = true
    this.#answered(this)
    this.#settle.reject(error)
  }

  /** Its time is up. `trouble` is what went wrong last. */
  timeUp(trouble: string): void {
    const isSent = this.#stored > 0 || this.entries.some(({ state }) => state === 'sent')
    this.reject(
      isSent
        ? this.#unclear(new HoldfastError('LOG_STALLED', { detail: trouble }))
        : new HoldfastError('LOG_STALLED', { detail: `append to topic ${this.topic}: ${trouble}` }),
    )
  }

  #decided(): void {
    if (--this.#undecided > 0 || this.over) return
    const failure = this.#unknown ?? this.#refusal
    if (failure === undefined) {
      this.over = true
      this.#answered(this)
      this.#settle.resolve(this.#outcomes)
    } else {
      this.reject(this.#stored > 0 || this.#unknown !== undefined ? this.#unclear(failure) : failure)
    }
  }

  #unclear(cause: HoldfastError): HoldfastError {
    if (cause.code === 'LOG_FAILED') return cause
    const some =
      this.#stored > 0 ? `${this.#stored} of ${this.records.length} records are stored` : 'it was sent'
    return new HoldfastError('LOG_FAILED', {
      detail: `append to topic ${this.topic}: ${some}, and of the others it is not known: ${cause.detail}`,
      cause,
    })
  }
}

/** The position of the record that comes `index` records after the first one of its batch. */
export function positionIn(tp: { topic: string; partition: number }, base: bigint, index: number): Position {
  return { topic: tp.topic, partition: tp.partition, offset: (base + BigInt(index)) as Offset }
}
