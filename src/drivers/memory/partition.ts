import {
  HoldfastError,
  offset,
  partitionId,
  type LogRecord,
  type NewRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import { recordBytes, type Bounds, type ReadLimits, type ReadResult } from '../../log/index.ts'

/** What a record takes besides its bytes. Roughly. */
const RECORD_OVERHEAD_BYTES = 200

/** The records of one partition, oldest first, without gaps. */
export class Partition {
  readonly #tp: TopicPartition
  #records: LogRecord[] = []
  /** Records before this index were deleted; the array is cut only now and then. */
  #head = 0
  #end = 0n
  #lastTimestamp = 0
  #bytes = 0
  readonly #waiting = new Set<() => void>()

  constructor(tp: TopicPartition) {
    this.#tp = tp
  }

  get bytes(): number {
    return this.#bytes
  }

  bounds(): Bounds {
    return { start: offset(this.#end - BigInt(this.#records.length - this.#head)), end: offset(this.#end) }
  }

  append({ key, value, headers }: Pick<NewRecord, 'key' | 'value' | 'headers'>, now: number): LogRecord {
    this.#lastTimestamp = Math.max(now, this.#lastTimestamp)
    const record: LogRecord = {
      ...this.#tp,
      offset: offset(this.#end++),
      key,
      value: value?.slice() ?? null, // the caller may use its buffer again
      headers: { ...headers },
      timestamp: this.#lastTimestamp,
    }
    this.#records.push(record)
    this.#bytes += storedBytes(record)
    return record
  }

  /** Empty, it goes on at this offset. */
  begin(at: Offset): void {
    if (this.#head < this.#records.length || this.#end > at) throw this.#elsewhere(at)
    this.#end = at
  }

  /** Refuses when it does not end at this offset. */
  expectEnd(at: Offset): void {
    if (this.#end !== at) throw this.#elsewhere(at)
  }

  read(from: Offset, limits: Pick<ReadLimits, 'maxRecords' | 'maxBytes'>): ReadResult {
    const { start, end } = this.bounds()
    if (from < start || from > end) throw this.#outOfRange(from)
    const first = this.#head + Number(from - start)
    const records: LogRecord[] = []
    let bytes = 0
    for (const record of this.#records.slice(first, first + limits.maxRecords)) {
      bytes += recordBytes(record)
      if (bytes > limits.maxBytes && records.length > 0) break
      records.push({ ...record, value: record.value?.slice() ?? null })
    }
    return { records, next: offset(from + BigInt(records.length)), end }
  }

  offsetAt(time: number): Offset {
    let low = this.#head
    let high = this.#records.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#at(middle).timestamp < time) low = middle + 1
      else high = middle
    }
    return offset(this.bounds().start + BigInt(low - this.#head))
  }

  /** Deletes up to `most` of the oldest records, while they are older than `olderThan` or there are more than `maxBytes`. */
  trim(olderThan: number, maxBytes: number, most: number): number {
    let deleted = 0
    while (deleted < most && this.#head < this.#records.length) {
      const oldest = this.#at(this.#head)
      if (oldest.timestamp >= olderThan && this.#bytes <= maxBytes) break
      this.#dropOldest(oldest)
      deleted++
    }
    this.#cut()
    return deleted
  }

  /** Deletes exactly what stands below. */
  deleteBelow(position: Offset): void {
    if (position > this.#end) throw this.#outOfRange(position)
    while (this.bounds().start < position) this.#dropOldest(this.#at(this.#head))
    this.#cut()
  }

  /** Calls `wake` at the next {@link wake}, once; the answer takes it back. */
  onChange(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  #dropOldest(oldest: LogRecord): void {
    this.#bytes -= storedBytes(oldest)
    this.#head++
  }

  #cut(): void {
    if (this.#head <= this.#records.length / 2) return
    this.#records = this.#records.slice(this.#head)
    this.#head = 0
  }

  #outOfRange(at: Offset): HoldfastError {
    const { start, end } = this.bounds()
    return new HoldfastError('OFFSET_OUT_OF_RANGE', {
      detail: `${at} of ${partitionId(this.#tp)}, which holds ${start} to ${end}`,
      facts: { ...this.#tp, start, end, ...(at < start ? { lost: start - at } : {}) },
    })
  }

  #elsewhere(at: Offset): HoldfastError {
    const { start, end } = this.bounds()
    return new HoldfastError('MIGRATION_REFUSED', {
      detail: `${partitionId(this.#tp)} holds ${start} to ${end} and cannot go on at ${at}`,
      facts: { ...this.#tp, start, end },
    })
  }

  #at(index: number): LogRecord {
    const record = this.#records[index]
    if (record === undefined)
      throw new HoldfastError('INTERNAL', { detail: `no record ${index} in ${partitionId(this.#tp)}` })
    return record
  }
}

export function storedBytes(record: NewRecord): number {
  return recordBytes(record) + RECORD_OVERHEAD_BYTES
}
