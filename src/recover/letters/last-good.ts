import { offset, type LogRecord, type Offset } from '../../event/index.ts'
import { pages, type Log } from '../../log/index.ts'
import type { GroupLetters } from './group-letters.ts'
import type { BookedLetter } from './letter-book.ts'

/** The nearest earlier event of the same type that is no letter, and what was looked at to find it. */
export interface LastGood {
  readonly event: LogRecord | undefined
  /** For people: what was searched. */
  readonly searched: string
}

/** Events looked at, in steps. */
const MAX_SEARCHED = 20_000n
const STEP = 500n

/**
 * Searches backwards from the letter's event in its own partition. That is where the events of its key are, which are
 * the most alike; and a bound keeps a letter from costing a walk through the whole topic.
 */
export async function lastGood(
  log: Log,
  letters: GroupLetters,
  letter: BookedLetter,
  type: string | undefined,
  signal: AbortSignal,
): Promise<LastGood> {
  const { topic, partition, origin } = letter
  const { start, end } = await log.bounds({ topic, partition })
  const floor = origin - MAX_SEARCHED > start ? origin - MAX_SEARCHED : start
  for (let to: bigint = origin < end ? origin : end; to > floor && !signal.aborted;) {
    const from = to - STEP > floor ? to - STEP : floor
    const found = await lastIn({ from, to })
    if (found) return { event: found, searched: searched(found.offset) }
    to = from
  }
  return { event: undefined, searched: searched(floor) }

  async function lastIn(range: { from: bigint; to: bigint }): Promise<LogRecord | undefined> {
    let last: LogRecord | undefined
    const limits = {
      maxRecords: Number(range.to - range.from),
      maxBytes: 4 * 1024 * 1024,
      end: offset(range.to),
    }
    const from = { topic, partition, offset: offset(range.from) }
    for await (const { records } of pages(log, from, limits, signal))
      last = records.findLast(record => record.offset < range.to && isGood(record)) ?? last
    return last
  }

  function isGood(record: LogRecord): boolean {
    return record.headers['ce_type'] === type && !letters.of(topic, partition, record.offset)
  }

  function searched(from: Offset | bigint): string {
    return `${topic}/${partition} from offset ${origin} back to ${from}`
  }
}
