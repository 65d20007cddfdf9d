import {
  HoldfastError,
  offset,
  partitionId,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { Bounds, LogSystem } from '../log/index.ts'
import { fingerprint, RunningHash, sameBytes } from './fingerprint.ts'

/** For a record that the end says is there. */
const PATIENCE_MS = 5_000
const PAGE = { maxRecords: 2_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

/** What was compared of a partition, and the hash of what the new log has there. */
export interface CheckedPartition extends TopicPartition {
  readonly from: Offset
  readonly to: Offset
  readonly records: number
  readonly sha256: string
}

/**
 * Reads a partition from both logs and compares it record by record: offset, time, key, headers and value. Each call
 * goes on where the last one ended, so that a long copy is checked while it is followed.
 */
export class PartitionCheck {
  readonly #tp: TopicPartition
  #from: Offset = offset(0)
  /** Everything from `#from` up to here is the same. */
  #at: Offset = offset(0)
  #hash = new RunningHash()

  constructor(tp: TopicPartition) {
    this.#tp = tp
  }

  /** Compares up to the end of the copy. Rejects with `MIGRATION_DIFFERS`, naming the first offset that differs. */
  async goOn(
    source: LogSystem,
    target: LogSystem,
    signal: AbortSignal,
    checked: (records: number) => void,
  ): Promise<void> {
    const { end } = await target.log.bounds(this.#tp)
    for (;;) {
      signal.throwIfAborted()
      const { start } = await source.log.bounds(this.#tp)
      if (this.#at < start) this.#beginAt(start)
      if (this.#at >= end) return
      const limits = { ...PAGE, maxRecords: Math.min(Number(end - this.#at), PAGE.maxRecords) }
      const { records } = await source.log.read({ ...this.#tp, offset: this.#at }, limits, signal)
      if (records.length === 0)
        throw this.#differs(this.#at, `the old log ends there, and the copy at ${end}`)
      const copies = await this.#copiesOf(records, target, signal)
      for (const [i, record] of records.entries()) this.#compare(record, copies[i])
      checked(records.length)
    }
  }

  /** Records from where it stands to this end of the old log. */
  left({ start, end }: Bounds): bigint {
    return end - (this.#at < start ? start : this.#at)
  }

  result(): CheckedPartition {
    const { count, sha256 } = this.#hash.soFar()
    return { ...this.#tp, from: this.#from, to: this.#at, records: count, sha256 }
  }

  #beginAt(start: Offset): void {
    this.#from = start
    this.#at = start
    this.#hash = new RunningHash()
  }

  /** What the new log has in their place. */
  async #copiesOf(
    records: readonly LogRecord[],
    target: LogSystem,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    const copies: LogRecord[] = []
    const end = this.#at + BigInt(records.length)
    for (let at = this.#at; at < end;) {
      const limits = { ...PAGE, waitMs: PATIENCE_MS, maxRecords: Number(end - at) }
      const page = await target.log.read({ ...this.#tp, offset: at }, limits, signal)
      signal.throwIfAborted()
      if (page.records.length === 0) break
      copies.push(...page.records)
      at = page.next
    }
    return copies
  }

  #compare(record: LogRecord, copy: LogRecord | undefined): void {
    if (copy === undefined) throw this.#differs(record.offset, 'it is missing there')
    const [ours, theirs] = [fingerprint(record), fingerprint(copy)]
    if (ours !== theirs || !sameBytes(record.value, copy.value))
      throw this.#differs(record.offset, differenceOf(record, copy))
    this.#hash.add(theirs, copy.value)
    this.#at = offset(record.offset + 1n)
  }

  #differs(at: bigint, how: string): HoldfastError {
    return new HoldfastError('MIGRATION_DIFFERS', {
      detail: `${partitionId(this.#tp)} at offset ${at}: ${how}`,
      facts: { ...this.#tp, offset: at },
    })
  }
}

function differenceOf(record: LogRecord, copy: LogRecord): string {
  if (record.offset !== copy.offset) return `what follows there stands at ${copy.offset}`
  if (record.timestamp !== copy.timestamp)
    return `its time is ${copy.timestamp} there and ${record.timestamp} here`
  if (record.key !== copy.key) return 'its key is another'
  if (JSON.stringify(record.headers) !== JSON.stringify(copy.headers)) return 'its headers are others'
  return 'its value is another'
}
