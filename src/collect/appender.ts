import { errorCatalogue, isHoldfastError, type Clock, type Position } from '../event/index.ts'
import type { AppendOutcome, AppendRecord, Log } from '../log/index.ts'
import { deadlines } from './deadlines.ts'
import type { Lease } from './in-flight.ts'
import type { CollectorLimits } from './limits.ts'
import type { CollectObserver } from './observer.ts'
import type { Problem } from './problems.ts'

/** Puts events where they are durable, and says of what went wrong what it means to the sender. */
export interface Appender {
  /** One outcome for each record, or its problem. Never rejects. */
  append(topic: string, records: readonly AppendRecord[], lease: Lease): Promise<readonly (Taken | Problem)[]>
  /** Ends its timer; for when nothing is under way any more. */
  close(): void
}

export type Taken = AppendOutcome | Spooled

/** In the collector's spool, at a place of that, until a log that is away has it. */
export interface Spooled {
  readonly kind: 'spooled'
  readonly position: Position
  /** It was there already, with the same payload. Defaults to false. */
  readonly isDuplicate?: boolean | undefined
}

export interface AppenderParts {
  readonly log: Log
  readonly clock: Clock
  readonly observer: CollectObserver
  readonly limits: Pick<CollectorLimits, 'appendTimeoutMs'>
  /** Told whether the log takes records: undefined, or why not. */
  readonly onAppend: (failure: unknown) => void
}

/** Straight to the log. */
export function appender({ log, clock, observer, limits, onAppend }: AppenderParts): Appender {
  const waits = deadlines(limits.appendTimeoutMs, clock)

  /** Settles with the log, or rejects when it takes too long: an append is never cancelled, but not waited for endlessly. */
  const appendInTime = (
    topic: string,
    records: readonly AppendRecord[],
    lease: Lease,
  ): Promise<readonly AppendOutcome[]> =>
    new Promise((resolve, reject) => {
      const wait = waits.start(() => reject(new Error('the log did not answer in time')))
      lease.hold()
      const settled = (): void => {
        wait.end()
        lease.release()
      }
      log.append(topic, records).then(
        outcomes => {
          settled()
          resolve(outcomes)
        },
        (error: unknown) => {
          settled()
          reject(error)
        },
      )
    })

  const append: Appender['append'] = async (topic, records, lease) => {
    const from = clock.monotonic()
    try {
      const outcomes = await appendInTime(topic, records, lease)
      onAppend(undefined)
      const count = outcomes.reduce((sum, { kind }) => sum + (kind === 'appended' ? 1 : 0), 0)
      if (count > 0) observer.published?.({ topic, count, seconds: (clock.monotonic() - from) / 1000 })
      return outcomes
    } catch (error) {
      const problem = problemOf(error)
      const tooLarge = tooLargeAt(error)
      if (tooLarge !== undefined && records.length > 1) {
        // One record that the log cannot take was refused before anything was written: the others are not at fault.
        const others = await append(topic, records.toSpliced(tooLarge, 1), lease)
        return others.toSpliced(tooLarge, 0, problem)
      }
      if (problem.code !== 'event_too_large') onAppend(error)
      observer.publishFailed?.({ topic, reason: problem.code, count: records.length })
      return records.map(() => problem)
    }
  }

  return { append, close: () => waits.close() }
}

/** Which record of a call the log finds too large; then none of them was stored. */
export function tooLargeAt(error: unknown): number | undefined {
  const index = isHoldfastError(error, 'LOG_RECORD_TOO_LARGE') ? error.facts['index'] : undefined
  return typeof index === 'number' ? index : undefined
}

/**
 * Only errors that promise "nothing was stored" are `not_stored`; whatever is not known to be harmless may have been
 * stored.
 */
export function problemOf(error: unknown): Problem {
  if (isHoldfastError(error, 'LOG_RECORD_TOO_LARGE')) return { code: 'event_too_large', detail: error.detail }
  if (isHoldfastError(error, 'LOG_FULL', 'LOG_STALLED', 'LOG_CLOSED', 'LOG_DENIED', 'LOG_TOPIC_UNKNOWN'))
    return { code: 'not_stored', detail: errorCatalogue[error.code].message }
  return { code: 'outcome_unknown', detail: 'the log did not say whether it stored the event' }
}
