import {
  isHoldfastError,
  offset,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import type { Log, ReadResult } from '../../log/index.ts'

/** A stretch of one partition: offsets `from` up to but not with `to`. */
export interface Range extends TopicPartition {
  readonly from: Offset
  readonly to: Offset
}

const PAGE = { maxRecords: 500, maxBytes: 1024 * 1024, waitMs: 0 }
const WAIT_MS = 5_000

/** The records of several partitions as one stream, by their times; within a partition in their order. */
export async function* readMerged(
  log: Log,
  ranges: readonly Range[],
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const cursors = ranges.map(range => new Cursor(log, range, signal))
  for (;;) {
    let first: Cursor | undefined
    for (const cursor of cursors) {
      await cursor.fill()
      const { head } = cursor
      if (head !== undefined && (first?.head === undefined || head.timestamp < first.head.timestamp))
        first = cursor
    }
    const record = first?.take()
    if (record === undefined || signal.aborted) return
    yield record
  }
}

/** What comes into the partitions from these offsets on, as it comes, until the signal aborts. */
export async function follow(
  log: Log,
  positions: readonly { readonly tp: TopicPartition; readonly from: Offset }[],
  signal: AbortSignal,
  take: (record: LogRecord) => Promise<void>,
): Promise<void> {
  await Promise.all(
    positions.map(async ({ tp, from }) => {
      for (let at = from; !signal.aborted;) {
        const page = await readOn(log, { ...tp, from: at }, { ...PAGE, waitMs: WAIT_MS }, signal)
        for (const record of page.records) if (!signal.aborted) await take(record)
        at = page.next
      }
    }),
  )
}

class Cursor {
  readonly #log: Log
  readonly #range: Range
  readonly #signal: AbortSignal
  #at: Offset
  #page: readonly LogRecord[] = []
  #next = 0

  constructor(log: Log, range: Range, signal: AbortSignal) {
    this.#log = log
    this.#range = range
    this.#signal = signal
    this.#at = range.from
  }

  get head(): LogRecord | undefined {
    const record = this.#page[this.#next]
    return record !== undefined && record.offset < this.#range.to ? record : undefined
  }

  take(): LogRecord | undefined {
    const { head } = this
    this.#next++
    return head
  }

  async fill(): Promise<void> {
    while (this.#next >= this.#page.length && this.#at < this.#range.to && !this.#signal.aborted) {
      const page = await readOn(this.#log, { ...this.#range, from: this.#at }, PAGE, this.#signal)
      if (page.next === this.#at) return
      this.#page = page.records
      this.#next = 0
      this.#at = page.next
    }
  }
}

/** A page, from the first record that is kept where retention was faster. */
async function readOn(
  log: Log,
  { topic, partition, from }: TopicPartition & { readonly from: Offset },
  limits: typeof PAGE,
  signal: AbortSignal,
): Promise<ReadResult> {
  try {
    return await log.read({ topic, partition, offset: from }, limits, signal)
  } catch (error) {
    if (!isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) throw error
    const { start, end } = await log.bounds({ topic, partition })
    return { records: [], next: offset(from < start ? start : end), end }
  }
}
