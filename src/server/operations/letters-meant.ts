import { HoldfastError, offset, type LogRecord } from '../../event/index.ts'
import type { DeadLetters, Letter, LetterFilter } from '../../recover/index.ts'
import { wrongInput } from './problem.ts'

/** Their events are held at once, in the order in which they are wanted. */
const MAX_LETTERS = 10_000

/** A letter with the event that its next replay would run. */
export interface LetterWithEvent {
  readonly letter: Letter
  readonly event: LogRecord
}

/**
 * The letters that a call works through by itself, the oldest event of a partition first: those that are dead, or those
 * that were named. Rejects with `INPUT_INVALID` for more than can be held.
 */
export async function lettersMeant(
  dead: DeadLetters,
  filter: LetterFilter,
  limit: number | undefined,
): Promise<readonly LetterWithEvent[]> {
  const letters: Letter[] = []
  for await (const letter of dead.list({ ...filter, status: filter.ids ? 'all' : 'died' })) {
    letters.push(letter)
    if (letters.length > MAX_LETTERS) throw tooMany()
  }
  return letters
    .toSorted(olderFirst)
    .slice(0, limit)
    .map(letter => ({ letter, event: eventOf(letter) }))
}

function eventOf({ topic, partition, offset: at, key, headers, value, eventTime }: Letter): LogRecord {
  return { topic, partition, offset: offset(at), key, headers, value, timestamp: eventTime }
}

function olderFirst(a: Letter, b: Letter): number {
  return (
    a.topic.localeCompare(b.topic) ||
    a.partition - b.partition ||
    (BigInt(a.offset) < BigInt(b.offset) ? -1 : 1)
  )
}

function tooMany(): HoldfastError {
  return wrongInput('', `more than ${MAX_LETTERS} letters: choose fewer at once, by cause, type or where`)
}
