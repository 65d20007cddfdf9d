import type { Offset, Position } from '../event/index.ts'
import type { Log, ReadLimits, ReadResult } from './port.ts'

export interface PageLimits extends Omit<ReadLimits, 'waitMs'> {
  /** No page begins at or above it. The last one may hold records from there on, which came meanwhile. */
  readonly end: Offset
}

/**
 * What a partition holds from a position on, page by page, without waiting for more. Ends early when the signal aborts,
 * and when the log answers nothing below the end. Rejects as {@link Log.read} does.
 */
export async function* pages(
  log: Pick<Log, 'read'>,
  from: Position,
  { end, ...limits }: PageLimits,
  signal: AbortSignal,
): AsyncGenerator<ReadResult> {
  for (let at = from.offset; at < end && !signal.aborted;) {
    const page = await log.read({ ...from, offset: at }, { ...limits, waitMs: 0 }, signal)
    yield page
    if (page.next === at) return
    at = page.next
  }
}
