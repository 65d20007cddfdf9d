import {
  HoldfastError,
  isHoldfastError,
  partitionId,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { Imports, Log, LogSystem, ReadResult } from '../log/index.ts'

/** The new log, which is able to become a copy. */
export interface Target {
  readonly log: Log
  readonly imports: Imports
}

/** Few enough bytes for one write, enough records that the way to a broker and back does not count. */
const PAGE = { maxRecords: 5_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

export interface PartitionCopy {
  readonly source: LogSystem
  readonly target: Target
  readonly tp: TopicPartition
  /** What the new log has below was compared, and is ours. */
  readonly compared: Offset
  readonly signal: AbortSignal
}

/**
 * Copies a partition from where its copy ends to the end of the old log. Where it ends is all that is remembered of
 * what was copied before, so a death in the middle costs nothing. `copied` hears of every page.
 */
export async function copyPartition(copy: PartitionCopy, copied: (records: number) => void): Promise<void> {
  const { source, target, signal } = copy
  const { topic, partition } = copy.tp
  const tp = { topic, partition }
  let at = await beginPartition(copy, copy.compared)
  for (;;) {
    signal.throwIfAborted()
    const page = await pageAt(source, tp, at, signal)
    if (page === undefined) {
      at = await beginPartition(copy, at)
      continue
    }
    const { records, next } = page
    if (records.length === 0) return
    const last = records.at(-1)
    if (records[0]?.offset !== at || last?.offset !== next - 1n || next - at !== BigInt(records.length))
      throw new HoldfastError('MIGRATION_REFUSED', {
        detail: `${partitionId(tp)} has gaps between ${at} and ${next}, which a copy cannot have`,
      })
    await target.imports.append({ ...tp, offset: at }, records)
    copied(records.length)
    at = next
  }
}

/**
 * Where the copy goes on: at its end, or where the old log begins when all of the copy lies below. Of that, what is
 * `ours` goes as well: retention was faster than we, and what it took is gone for everybody.
 */
export async function beginPartition({ source, target, tp }: PartitionCopy, ours: Offset): Promise<Offset> {
  const { start } = await source.log.bounds(tp)
  const { start: first, end } = await target.log.bounds(tp)
  if (end > start || start === 0n) return end
  const { topic, partition } = tp
  if (first < end && end === ours && end < start)
    await target.log.deleteRecords({ topic, partition, offset: end })
  await target.imports.begin({ topic, partition, offset: start })
  return start
}

/** Undefined when the records there are no longer in the old log. */
async function pageAt(
  { log }: LogSystem,
  tp: TopicPartition,
  at: Offset,
  signal: AbortSignal,
): Promise<ReadResult | undefined> {
  try {
    return await log.read({ ...tp, offset: at }, PAGE, signal)
  } catch (error) {
    const overtaken = isHoldfastError(error, 'OFFSET_OUT_OF_RANGE') && at < (await log.bounds(tp)).start
    if (overtaken) return undefined
    throw error
  }
}
