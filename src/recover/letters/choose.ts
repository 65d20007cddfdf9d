import { HoldfastError, parseWhere, type LogRecord } from '../../event/index.ts'
import { letterStatuses, type LetterStatus } from '../letter-state.ts'
import type { GroupLetters } from './group-letters.ts'
import { LetterRecords } from './letter-records.ts'
import { isOpen, type BookedLetter } from './letter-book.ts'
import { eventData } from './event-data.ts'

/** Which letters. What is given must all be so; nothing given: all that are open. */
export interface LetterFilter {
  readonly ids?: readonly string[] | undefined
  /** Fingerprint of a cause, or class or code of the error, such as `RangeError` or `23514`. */
  readonly cause?: string | undefined
  /** `open` (the default): dead, or being replayed. `all`: whatever became of them. */
  readonly status?: LetterStatus | 'open' | 'all' | undefined
  readonly topic?: string | undefined
  /** Only what died before, milliseconds since 1970: what dies again later is another matter. */
  readonly diedBefore?: number | undefined
  /** Type of the event. */
  readonly type?: string | undefined
  /**
   * An expression over the letter and its event, such as `data.total > 100 && key.startsWith("t1/")`, in the Common
   * Expression Language (https://cel.dev). There are `data`, `headers`, `key`, `eventType`, `topic`, `partition`, `offset`, `id`, `status`, `reason`, `error`, `cause`, `attempts`, `round` and
   * `edits`.
   */
  readonly where?: string | undefined
}

/** Ids, one or several, or a filter. */
export type Selection = string | readonly string[] | LetterFilter

export function filterOf(selection: Selection): LetterFilter {
  if (typeof selection === 'string') return { ids: [selection] }
  return Array.isArray(selection) ? { ids: selection as readonly string[] } : (selection as LetterFilter)
}

/**
 * Chooses letters by what the book knows first, and reads events only for an expression that names them. Throws
 * `CONFIG_INVALID` for a filter that cannot be read, and `LETTER_UNKNOWN` for an id that the group does not have.
 */
export async function chooseLetters(
  all: GroupLetters,
  filter: LetterFilter,
  signal: AbortSignal,
): Promise<readonly BookedLetter[]> {
  const ids = filter.ids && new Set(filter.ids)
  // Who names a letter gets it whatever became of it.
  const status = filter.status ?? (ids ? 'all' : 'open')
  if (!['open', 'all', ...letterStatuses].includes(status)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `status must be open, all or one of ${letterStatuses.join(', ')}, got ${JSON.stringify(status)}`,
    })
  }
  const where = filter.where === undefined ? undefined : parseWhere(filter.where, fields)
  const found = all.newestFirst(
    letter =>
      (ids?.has(letter.id) ?? true) &&
      (status === 'all' || (status === 'open' ? isOpen(letter.state) : letter.state.status === status)) &&
      (filter.topic ?? letter.topic) === letter.topic &&
      (filter.type ?? letter.eventType) === letter.eventType &&
      letter.diedAt < (filter.diedBefore ?? Infinity) &&
      (filter.cause === undefined || filter.cause === letter.cause || filter.cause === letter.error),
  )
  if (ids) refuseUnknown(all.group, ids, found)
  if (!where) return found
  const namesEvent = /\b(?:data|headers)\b/.test(filter.where ?? '')
  const records = new LetterRecords(all)
  const chosen: BookedLetter[] = []
  for (const letter of found) {
    if (signal.aborted) break
    const event = namesEvent ? await records.event(letter, signal) : undefined
    if (where(fieldsOf(letter, event))) chosen.push(letter)
  }
  return chosen
}

function refuseUnknown(group: string, ids: ReadonlySet<string>, found: readonly BookedLetter[]): void {
  const known = new Set(found.map(letter => letter.id))
  const missing = [...ids].filter(id => !known.has(id))
  if (missing.length === 0) return
  throw new HoldfastError('LETTER_UNKNOWN', {
    detail: `group ${group} has no letter ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}`,
  })
}

const fields = [
  'id',
  'topic',
  'partition',
  'offset',
  'key',
  'eventType',
  'reason',
  'error',
  'cause',
  'attempts',
  'status',
  'round',
  'edits',
  'headers',
  'data',
]

function fieldsOf(letter: BookedLetter, event: LogRecord | undefined): Readonly<Record<string, unknown>> {
  const { id, topic, partition, origin, key, eventType, reason, error, cause, attempts, state } = letter
  const { status, round, edits } = state
  const known = { id, topic, partition, offset: Number(origin), key, eventType, reason, error, cause }
  return {
    ...known,
    attempts,
    status,
    round,
    edits,
    headers: event?.headers,
    data: event && eventData(event),
  }
}
