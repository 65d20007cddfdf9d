import { othersTurn, type Offset, type TopicPartition } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { decodeLaneRecord, type Input } from '../recover/lane/index.ts'
import type { Persistence } from './persistence.ts'

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }

export interface ReadLaneOptions {
  readonly log: Log
  readonly lane: TopicPartition
  readonly from: Offset
  readonly persistence: Persistence
  readonly signal: AbortSignal
  /** What was read, page by page. */
  read(page: Extract<Input, { kind: 'read' }>): void
}

/** Reads a retry lane until the abort: what the owner wrote itself, and what others ask of it. */
export async function readLane(options: ReadLaneOptions): Promise<void> {
  const { log, lane, from, persistence, signal } = options
  let offset = from
  while (!signal.aborted) {
    const page = await persistence.until('reading the retry lane failed', () =>
      log.read({ ...lane, offset }, PAGE, signal),
    )
    if (!page || page.next === offset) continue
    const records = page.records.map(record => ({ ...decodeLaneRecord(record), position: record.offset }))
    options.read({ kind: 'read', records, next: page.next })
    offset = page.next
    await othersTurn()
  }
}
