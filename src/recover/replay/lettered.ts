import { offset, type Offset } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { deadTopicOf } from '../letters/dead-topic.ts'
import { decodeChange } from '../letters/letter-record.ts'
import type { Range } from './job-record.ts'

/**
 * The events of a range that have a dead letter, whatever became of it: what is to be done with them is decided there. One
 * of before the range was reprocessed says nothing any more.
 */
export interface Lettered {
  /** Reads what was written since. */
  readOn(signal: AbortSignal): Promise<void>
  has(origin: Offset): boolean
}

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

/** Holds one offset for each letter of the range. */
export function letteredIn(
  log: Log,
  group: string,
  range: Range,
  generationOf: (origin: Offset) => number,
): Lettered {
  const dead = { topic: deadTopicOf(range.topic, group), partition: range.partition }
  const origins = new Set<bigint>()
  let read = offset(0)
  return {
    async readOn(signal) {
      const { start, end } = await log.bounds(dead)
      if (read < start) read = start
      while (read < end && !signal.aborted) {
        const page = await log.read({ ...dead, offset: read }, PAGE, signal)
        for (const record of page.records) {
          const { origin, generation } = decodeChange(record)
          const isOfRange = origin >= range.from && origin < range.to
          if (isOfRange && generation === generationOf(origin)) origins.add(origin)
        }
        read = page.next
      }
    },
    has: origin => origins.has(origin),
  }
}
