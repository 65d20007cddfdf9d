import { partitionId, type LogRecord, type Offset } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { originOf } from './dead-topic.ts'
import { LetterBook, type BookedLetter } from './letter-book.ts'
import type { OpenLetters } from './letters-api.ts'

/** Letters that one process keeps in mind of a group: about 220 MB. Older ones are forgotten, and that is said. */
const MAX_LETTERS = 500_000

/** Groups that have a topic for letters, whether there are any; `of`: for those of events of this topic. */
export async function groupsWithLetters(log: Log, of?: string): Promise<readonly string[]> {
  const origins = (await log.topics.list()).flatMap(name => originOf(name) ?? [])
  const groups = origins.flatMap(({ topic, group }) => (of === undefined || of === topic ? [group] : []))
  return [...new Set(groups)].toSorted()
}

/** All letters of a group, over its topics and partitions, also of topics that it does not read any more. */
export class GroupLetters {
  readonly group: string
  readonly #log: Log
  readonly #lastRecords: number | undefined
  /** By partition of the events' topic. */
  readonly #books = new Map<string, LetterBook>()

  /** `lastRecords`: only so many records at the end of each partition. */
  constructor(log: Log, group: string, lastRecords?: number) {
    this.#log = log
    this.group = group
    this.#lastRecords = lastRecords
  }

  /** Brings everything up to date, one partition after the other. */
  async readOn(signal: AbortSignal): Promise<void> {
    const parts: { readonly name: string; readonly partitions: number; readonly topic: string }[] = []
    const names = await this.#log.topics.list()
    for (const [place, { dead }] of this.#books) if (!names.includes(dead.topic)) this.#books.delete(place)
    for (const name of names) {
      const origin = originOf(name)
      if (origin?.group !== this.group) continue
      const { partitions = 0 } = (await this.#log.topics.describe(name)) ?? {}
      parts.push({ name, partitions, topic: origin.topic })
    }
    const all = parts.reduce((sum, part) => sum + part.partitions, 0)
    for (const { name, partitions, topic } of parts) {
      for (let partition = 0; partition < partitions; partition++) {
        const place = partitionId({ topic, partition })
        const options = { maxLetters: Math.ceil(MAX_LETTERS / all), lastRecords: this.#lastRecords }
        const book = this.#books.get(place) ?? new LetterBook(this.#log, { topic: name, partition }, options)
        this.#books.set(place, book)
        await book.readOn(signal)
      }
    }
  }

  /** Whether it was read before, so that reading on costs only what is new. */
  get isRead(): boolean {
    return this.#books.size > 0
  }

  /** Of partitions that hold older records than were read. */
  get cutPlaces(): readonly string[] {
    return [...this.#books].flatMap(([place, book]) => (book.isCut ? [place] : []))
  }

  /** Letters that are dead or being replayed. */
  get openByTopic(): ReadonlyMap<string, OpenLetters> {
    const open = new Map<string, OpenLetters>()
    for (const { topic, open: letters, oldestOpenAt } of this.#books.values()) {
      const sum = open.get(topic) ?? { letters: 0, oldestAt: undefined }
      const oldestAt = Math.min(sum.oldestAt ?? Infinity, oldestOpenAt ?? Infinity)
      open.set(topic, {
        letters: sum.letters + letters,
        oldestAt: oldestAt === Infinity ? undefined : oldestAt,
      })
    }
    return open
  }

  get open(): number {
    return [...this.#books.values()].reduce((sum, book) => sum + book.open, 0)
  }

  /** Letters whose replay is under way, whoever asked for it. */
  get replaying(): number {
    return [...this.#books.values()].reduce((sum, book) => sum + book.replaying, 0)
  }

  /** Older letters that are in the log and not in mind. */
  get forgotten(): number {
    return [...this.#books.values()].reduce((sum, book) => sum + book.forgotten, 0)
  }

  /** In no order. */
  *letters(): Generator<BookedLetter> {
    for (const book of this.#books.values()) yield* book.letters
  }

  /** Newest first by their first deaths; those of one partition never change places, so a list can be cut anywhere. */
  newestFirst(wanted: (letter: BookedLetter) => boolean = () => true): BookedLetter[] {
    return [...this.letters()].filter(wanted).toSorted(newerFirst)
  }

  /** Undefined when there is none. */
  byId(id: string): BookedLetter | undefined {
    for (const letter of this.letters()) if (letter.id === id) return letter
    return undefined
  }

  /** The letter of an event. */
  of(topic: string, partition: number, origin: Offset): BookedLetter | undefined {
    return this.#books.get(partitionId({ topic, partition }))?.of(origin)
  }

  event(letter: BookedLetter, signal: AbortSignal): Promise<LogRecord> {
    return this.#book(letter).event(letter, signal)
  }

  record(letter: BookedLetter, at: Offset, signal: AbortSignal): Promise<LogRecord> {
    return this.#book(letter).record(at, signal)
  }

  recordsAround(
    letter: BookedLetter,
    at: Offset,
    toEachSide: number,
    signal: AbortSignal,
  ): Promise<readonly LogRecord[]> {
    return this.#book(letter).recordsAround(at, toEachSide, signal)
  }

  #book(letter: BookedLetter): LetterBook {
    const book = this.#books.get(partitionId(letter))
    if (!book) throw new TypeError(`letter ${letter.id} is of another group`)
    return book
  }
}

function newerFirst(a: BookedLetter, b: BookedLetter): number {
  return (
    b.firstDiedAt - a.firstDiedAt ||
    a.topic.localeCompare(b.topic) ||
    a.partition - b.partition ||
    (a.at < b.at ? 1 : -1)
  )
}
