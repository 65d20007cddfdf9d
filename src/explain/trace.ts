import type { LogRecord } from '../event/index.ts'
import { summaryOf } from './find-events.ts'

/** An event in the tree of a story: how deep it stands below the event that began it. */
export interface TraceLine {
  readonly depth: number
  readonly record: LogRecord
}

/**
 * The events of one story as a tree by their causes, in the order of their times. One whose cause is not among them
 * stands at the top. Events that name each other as their causes come once.
 */
export function traceOf(records: readonly LogRecord[]): readonly TraceLine[] {
  const ids = new Set(records.map(record => summaryOf(record).id))
  const byCause = Map.groupBy(records, record => {
    const { id, causationId } = summaryOf(record)
    return causationId !== undefined && causationId !== id && ids.has(causationId) ? causationId : undefined
  })
  const lines: TraceLine[] = []
  const seen = new Set<LogRecord>()
  const below = (cause: string | undefined, depth: number): void => {
    for (const record of byCause.get(cause) ?? []) {
      if (seen.has(record)) continue
      seen.add(record)
      lines.push({ depth, record })
      const { id } = summaryOf(record)
      if (id !== undefined && depth < MAX_DEPTH) below(id, depth + 1)
    }
  }
  below(undefined, 0)
  for (const record of records) {
    if (seen.has(record)) continue // of a circle, or deeper than is shown
    seen.add(record)
    lines.push({ depth: 0, record })
  }
  return lines
}

const MAX_DEPTH = 100
