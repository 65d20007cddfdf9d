import {
  HoldfastError,
  isHoldfastError,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { decodeLaneRecord } from '../recover/lane/index.ts'

const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
/** Read at once. A log checks all that was appended in one go whenever any of it is read. */
const PAGE = { maxRecords: 128, maxBytes: 256 * 1024, waitMs: 0 }
const MAX_KEPT_BYTES = 1024 * 1024
/** What an event holds beside its value, roughly. */
const RECORD_BYTES = 1_000

export interface ParkedBytesOptions {
  readonly log: Log
  /** The partition that the events came from. */
  readonly origin: TopicPartition
  readonly lane: TopicPartition
  readonly signal: AbortSignal
}

/**
 * Events that wait in a retry lane. Entries that run one after another mostly stand near each other, so what lies behind
 * one is read with it and kept for a while: a record of a log does not change. Whoever asks twice is answered twice.
 */
export class ParkedBytes {
  readonly #o: ParkedBytesOptions
  /** Oldest first. */
  readonly #kept = new Map<Offset, LogRecord>()
  #bytes = 0
  /** One read after another: the next may want what this one brings. */
  #reading: Promise<unknown> = Promise.resolve()

  constructor(options: ParkedBytesOptions) {
    this.#o = options
  }

  /** Throws `LOG_CORRUPT` when the event is not there. */
  async of(offset: Offset, position: Offset): Promise<LogRecord> {
    const { lane, origin, signal } = this.#o
    const record = await this.#inTurn(() => this.#record(position))
    const parked = record && decodeLaneRecord(record)
    if (parked?.kind !== 'park' || parked.origin !== offset) {
      // A log that closes, or an owner that is over, reads nothing; that is no damage.
      signal.throwIfAborted()
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `event ${offset} is not where the retry lane has it (${lane.topic}/${lane.partition} offset ${position})`,
      })
    }
    const { key, headers, value, time } = parked.event
    return { ...origin, offset, key, headers, value, timestamp: time }
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#reading.then(read)
    this.#reading = turn.catch(() => {}) // whoever asked is told
    return turn
  }

  async #record(position: Offset): Promise<LogRecord | undefined> {
    const { log, lane, signal } = this.#o
    const known = this.#kept.get(position)
    if (known) {
      this.#drop(known)
      return known
    }
    const at = { ...lane, offset: position }
    const { records } = await log.read(at, PAGE, signal).catch((error: unknown) => {
      if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
      return log.read(at, ONE, signal) // damage further on is met by whoever needs what lies there
    })
    const [first, ...others] = records
    for (const record of others) this.#keep(record)
    return first
  }

  /** Marks are of no use here; a park has the bytes of an event. */
  #keep(record: LogRecord): void {
    if (record.value === null || this.#kept.has(record.offset)) return
    this.#kept.set(record.offset, record)
    this.#bytes += sizeOf(record)
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= MAX_KEPT_BYTES) return
      this.#drop(oldest)
    }
  }

  #drop(record: LogRecord): void {
    if (this.#kept.delete(record.offset)) this.#bytes -= sizeOf(record)
  }
}

function sizeOf({ value }: LogRecord): number {
  return RECORD_BYTES + (value?.byteLength ?? 0)
}
