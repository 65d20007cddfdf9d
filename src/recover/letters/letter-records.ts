import { othersTurn, partitionId, type LogRecord, type Offset } from '../../event/index.ts'
import type { GroupLetters } from './group-letters.ts'
import type { BookedLetter } from './letter-book.ts'
import { eventIn } from './letter-record.ts'

/** Partitions of which a page is kept, and records to both sides of the one that was asked for. */
const MAX_PAGES = 16
const TO_EACH_SIDE = 100

/**
 * Reads the records of many letters that stand near each other, in either direction, page by page. One by one each read
 * costs what its page costs, since a log checks the whole of what was written together. Made for one walk, and forgotten
 * with it.
 */
export class LetterRecords {
  readonly #letters: GroupLetters
  readonly #pages = new Map<string, ReadonlyMap<Offset, LogRecord>>()

  constructor(letters: GroupLetters) {
    this.#letters = letters
  }

  async at(letter: BookedLetter, at: Offset, signal: AbortSignal): Promise<LogRecord> {
    const place = partitionId(letter)
    const known = this.#pages.get(place)?.get(at)
    if (known) return known
    await othersTurn() // nothing here need ever wait, and a walk over thousands must not hold the process
    const records = await this.#letters.recordsAround(letter, at, TO_EACH_SIDE, signal)
    this.#pages.delete(place)
    this.#pages.set(place, new Map(records.map(record => [record.offset, record])))
    const [oldest] = this.#pages.keys()
    if (this.#pages.size > MAX_PAGES && oldest !== undefined) this.#pages.delete(oldest)
    // A page has a bound in bytes, and may end before it.
    return this.#pages.get(place)?.get(at) ?? this.#letters.record(letter, at, signal)
  }

  /** The event that the next replay runs. */
  async event(letter: BookedLetter, signal: AbortSignal): Promise<LogRecord> {
    return eventIn(await this.at(letter, letter.event, signal), letter.topic)
  }
}
