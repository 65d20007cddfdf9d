import type { Clock } from '../../event/index.ts'
import { recordBytes, type AppendRecord, type Partitioner } from '../../log/index.ts'
import type { Appender, Taken } from '../appender.ts'
import { deadlines, type Deadlines } from '../deadlines.ts'
import type { Lease } from '../in-flight.ts'
import type { Problem } from '../problems.ts'
import type { Line, Waiting } from './line.ts'

/** The lanes of a topic, and which of them a record belongs to. */
export interface TopicLanes {
  readonly lines: readonly Line[]
  readonly choose: Partitioner
}

export interface SpoolAppenderSettings {
  readonly lanesOf: (topic: string) => TopicLanes | undefined
  /** What log and spool take. Nothing is spooled that the log would refuse later. */
  readonly maxRecordBytes: number
  /** How long a request waits at most. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Takes requests apart: each lane gets its part of the records as one parcel, and the answers come together again. */
export function spoolAppender({
  lanesOf,
  maxRecordBytes,
  timeoutMs,
  clock,
}: SpoolAppenderSettings): Appender {
  const waits = deadlines(timeoutMs, clock)
  return {
    async append(topic, records, lease) {
      const lanes = lanesOf(topic)
      if (!lanes) return records.map(() => NO_PLACE)
      const taken: (Taken | Problem)[] = Array.from({ length: records.length })
      const parts = new Map<Line, number[]>()
      for (const [index, record] of records.entries()) {
        const bytes = recordBytes(record)
        const line = lanes.lines[lanes.choose(record, lanes.lines.length)]
        if (bytes > maxRecordBytes) taken[index] = tooLarge(bytes, maxRecordBytes)
        else if (!line) taken[index] = NO_PLACE
        else {
          const own = parts.get(line) ?? []
          own.push(index)
          parts.set(line, own)
        }
      }
      const waiting = [...parts].map(async ([line, indexes]) => {
        const part = indexes.map(index => records[index] as AppendRecord)
        const own = await hand(line, part, { lease, waits, clock })
        for (const [i, index] of indexes.entries()) taken[index] = own[i] ?? NO_PLACE
      })
      await Promise.all(waiting)
      return taken
    },
    close: () => waits.close(),
  }
}

/** Resolves with what became of each. */
function hand(
  line: Line,
  records: readonly AppendRecord[],
  { lease, waits, clock }: { readonly lease: Lease; readonly waits: Deadlines; readonly clock: Clock },
): Promise<readonly (Taken | Problem)[]> {
  return new Promise(resolve => {
    let isSettled = false
    const settle: Waiting['settle'] = taken => {
      if (isSettled) return false
      isSettled = true
      wait.end()
      resolve(taken)
      return true
    }
    const wait = waits.start(() => settle(records.map(() => NO_ANSWER)))
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0)
    line.take({ records, count: records.length, bytes, arrivedAt: clock.monotonic(), lease, settle })
  })
}

function tooLarge(bytes: number, limit: number): Problem {
  return { code: 'event_too_large', detail: `the event takes ${bytes} bytes in the log`, limit }
}

const NO_PLACE: Problem = { code: 'not_stored', detail: 'the topic has no place in the spool' }
const NO_ANSWER: Problem = {
  code: 'outcome_unknown',
  detail: 'neither the log nor the spool answered in time',
}
