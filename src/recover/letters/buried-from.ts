import { offset, type Position } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { deadTopicOf } from './dead-topic.ts'
import { decodeChange } from './letter-record.ts'

/** Records of one page. */
const LOOK_BACK = 1_000n

/**
 * The events at or above a position that have their letter already: a process ended between the letter and the commit.
 * They are dead, and do not run again. Reads the end of the letters backwards, until a page has none of them.
 */
export async function buriedFrom(
  log: Log,
  position: Position,
  group: string,
  signal: AbortSignal,
): Promise<ReadonlySet<bigint>> {
  const at = { topic: deadTopicOf(position.topic, group), partition: position.partition }
  const buried = new Set<bigint>()
  const { start, end } = await log.bounds(at)
  for (let to = end; to > start && !signal.aborted;) {
    const from = to - LOOK_BACK > start ? offset(to - LOOK_BACK) : start
    let found = false
    for (let next = from; next < to && !signal.aborted;) {
      const limits = { maxRecords: Number(to - next), maxBytes: 4 * 1024 * 1024, waitMs: 0 }
      const page = await log.read({ ...at, offset: next }, limits, signal)
      for (const record of page.records) {
        const { origin, change } = decodeChange(record)
        if (change.kind !== 'died' || origin < position.offset) continue
        buried.add(origin)
        found = true
      }
      next = page.next
    }
    if (!found) break
    to = from
  }
  return buried
}
