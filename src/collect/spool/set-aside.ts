import {
  isHoldfastError,
  offset,
  type Logger,
  type LogRecord,
  type Offset,
  type Position,
} from '../../event/index.ts'
import type { Log, LogSystem } from '../../log/index.ts'
import type { Cursors } from './cursors.ts'
import {
  setAsideOffset,
  type SetAsideBook,
  type SetAsideSelection,
  type SetAsideStatus,
} from './set-aside-book.ts'
import {
  DECIDED,
  decisionRecord,
  eventIn,
  EVENTS,
  keptRecord,
  SET_ASIDE_TOPIC,
  type SetAsideDecision,
  type SetAsideEvent,
} from './set-aside-record.ts'

export interface SetAsideParts {
  readonly log: Log
  readonly storage: LogSystem
  readonly cursors: Cursors
  readonly declare: (topic: string) => Promise<void>
  readonly logger: Logger
  readonly signal: AbortSignal
  /** As of `LineObserver`. */
  readonly moved: (from: Position, to: Position) => void
}

/** What came of giving events back. */
export interface GivenBack {
  /** That the log has now. */
  readonly returned: number
  /** That it still finds too large; the first hundred of them with its words. */
  readonly refused: number
  readonly refusals: readonly { readonly id: string; readonly reason: string }[]
  /** Why it ended before all were tried. */
  readonly stopped: string | undefined
}

/**
 * Events of the spool that the log finds too large: they fitted when they were answered, and the topic was set to take
 * less since. To try one again and again would hold up every key of its lane, and it must not be lost:
 *
 * 1. It is kept here, durably; only then its lane goes on without it. A crash between the two leaves it in both, and the
 *    next start settles the one here before the lane is drained.
 * 2. It is given back, at each start and when an operator says so: the log has it, and only then it is settled. A crash
 *    between the two sends it once more, which the inbox recognises.
 * 3. What an operator discards is settled, and nothing else.
 * 4. Settled is what the cursor has passed, and it is deleted. The cursor stops at the oldest that is not settled; what
 *    is settled behind that is written down one by one.
 */
export class SetAside {
  readonly #parts: SetAsideParts
  readonly #book: SetAsideBook
  /** Behind what was written down of single events. */
  #decided: { readonly end: Offset; readonly isDeleted: boolean }
  #keeping: Promise<unknown> = Promise.resolve()
  /** Two that give back at once would send everything twice. */
  #acting: Promise<unknown> = Promise.resolve()

  constructor(
    parts: SetAsideParts,
    { book, decidedEnd }: { readonly book: SetAsideBook; readonly decidedEnd: Offset },
  ) {
    this.#parts = parts
    this.#book = book
    this.#decided = { end: decidedEnd, isDeleted: false }
  }

  status(): SetAsideStatus {
    return this.#book.status()
  }

  /** Resolves when it is durable. One after another, so that the book has them in the order of their offsets. */
  async keep(record: LogRecord, why: string): Promise<void> {
    const kept = this.#keeping.then(() => this.#keep(record, why))
    this.#keeping = kept.catch(() => {})
    await kept
  }

  /** An event by its place in its lane. */
  async find(from: Position): Promise<LogRecord | undefined> {
    const at = this.#book.at(from)
    return at === undefined ? undefined : (await this.#read(at))?.record
  }

  /** How many are meant, by their topics. */
  count(selection: SetAsideSelection): SetAsideStatus['topics'] {
    const meant = this.#book.selected(selection).map(at => this.#book.entry(at)?.topic ?? '')
    return [...Map.groupBy(meant, topic => topic)].map(([topic, all]) => ({ topic, events: all.length }))
  }

  /** The oldest first, behind the one that is named. */
  async *list(
    selection: SetAsideSelection & { readonly after?: string | undefined },
  ): AsyncGenerator<SetAsideEvent> {
    const after = setAsideOffset(selection.after)
    for (const at of this.#book.selected(selection)) {
      const event = after === undefined || at > after ? await this.#read(at) : undefined
      if (event) yield event
    }
  }

  /** Sends them to the log, the oldest first; what is refused again stays. Ends when the log takes nothing. */
  async giveBack(selection: SetAsideSelection, signal: AbortSignal): Promise<GivenBack> {
    return await this.#inTurn(() => this.#giveBack(selection, AbortSignal.any([signal, this.#parts.signal])))
  }

  /** For good. Answers how many. */
  async discard(selection: SetAsideSelection): Promise<number> {
    return await this.#inTurn(async () => {
      const meant = this.#book.selected(selection)
      await this.#settle(meant, 'discarded')
      return meant.length
    })
  }

  /** Those of which the lane has not let go: it sends them, or sets them aside again. */
  async forgetThoseIn(isInLane: (from: Position) => boolean): Promise<void> {
    const twice = this.#book.selected({}).filter(at => {
      const { from } = this.#book.entry(at) ?? {}
      return from !== undefined && isInLane(from)
    })
    await this.#inTurn(() => this.#settle(twice, 'in-lane'))
  }

  /** Resolves when nothing is being done any more; the signal of its parts ends what is. */
  async drain(): Promise<void> {
    await Promise.all([this.#keeping, this.#acting])
  }

  async #keep(record: LogRecord, why: string): Promise<void> {
    const { storage, logger } = this.#parts
    const { topic, partition, offset: at } = record
    const isFirst = this.#book.countOf(topic) === 0
    const [outcome] = await storage.log.append(SET_ASIDE_TOPIC, [keptRecord(record, why)])
    if (outcome?.kind !== 'appended') return
    this.#book.kept(outcome.position.offset, {
      topic,
      since: outcome.timestamp,
      from: { topic, partition, offset: at },
    })
    if (isFirst)
      logger.error(
        { topic, id: record.headers['ce_id'], why },
        'an event of the spool is too large for its topic by now: it is set aside, as others will be that are, and its lane goes on. Raise max.message.bytes of the topic, then: holdfast spool return',
      )
  }

  async #giveBack(selection: SetAsideSelection, signal: AbortSignal): Promise<GivenBack> {
    const refusals: GivenBack['refusals'][number][] = []
    const sent: Offset[] = []
    let [returned, refused] = [0, 0]
    let stopped: string | undefined
    for (const at of this.#book.selected(selection)) {
      if (signal.aborted) stopped = 'it was told to stop'
      if (stopped !== undefined) break
      const event = await this.#read(at)
      if (!event) continue
      try {
        await this.#send(event)
        sent.push(at)
        returned += 1
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        if (!isTooLarge(error) && !isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')) stopped = reason
        else if (refused++ < MAX_REFUSALS) refusals.push({ id: event.id, reason })
      }
      if (sent.length === SENT_AT_ONCE) await this.#settle(sent.splice(0), 'returned')
    }
    await this.#settle(sent, 'returned')
    return { returned, refused, refusals, stopped }
  }

  async #send({ record: { topic, partition, offset, key, value, headers } }: SetAsideEvent): Promise<void> {
    const { log, declare, moved } = this.#parts
    await declare(topic)
    const [outcome] = await log.append(topic, [{ key, value, headers }])
    if (outcome) moved({ topic, partition, offset }, outcome.position)
  }

  /** Once it resolves, no start finds them. The cursor needs no room, so this works when the spool is full. */
  async #settle(offsets: readonly Offset[], decision: SetAsideDecision): Promise<void> {
    if (offsets.length === 0) return
    const { log } = this.#parts.storage
    const cursor = this.#book.cursorWithout(offsets)
    const behind = offsets.filter(at => at > cursor)
    for (let at = 0; at < behind.length; at += DECIDED_AT_ONCE) {
      const records = behind.slice(at, at + DECIDED_AT_ONCE).map(one => decisionRecord(one, decision))
      const outcomes = await log.append(SET_ASIDE_TOPIC, records)
      const last = outcomes.at(-1)
      if (last) this.#decided = { end: offset(last.position.offset + 1n), isDeleted: false }
    }
    await this.#save(EVENTS, cursor)
    this.#book.settled(offsets)
    if (this.#book.status().events > 0 || this.#decided.isDeleted) return
    // Nothing of it is needed now; deleted before the cursor was saved it would have brought its events back. It is only
    // room: what is not deleted now is when nothing is set aside the next time.
    await this.#save(DECIDED, this.#decided.end).then(
      () => (this.#decided = { ...this.#decided, isDeleted: true }),
      () => {},
    )
  }

  async #save(place: typeof EVENTS, cursor: Offset): Promise<void> {
    const saved = Promise.withResolvers<void>()
    this.#parts.cursors.save(place, cursor, error => {
      if (error === undefined) saved.resolve()
      else saved.reject(error instanceof Error ? error : new Error('not saved', { cause: error }))
    })
    await saved.promise
  }

  /** Undefined for one of which something was decided meanwhile. */
  async #read(at: Offset): Promise<SetAsideEvent | undefined> {
    if (!this.#book.entry(at)) return undefined
    const { storage, signal } = this.#parts
    const one = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    try {
      const { records } = await storage.log.read({ ...EVENTS, offset: at }, one, signal)
      return records[0]?.offset === at ? eventIn(records[0]) : undefined
    } catch (error) {
      if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) return undefined
      throw error
    }
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#acting.then(act)
    this.#acting = mine.catch(() => {})
    return await mine
  }
}

const MAX_REFUSALS = 100
/** So many may be sent once more after a crash. */
const SENT_AT_ONCE = 50
const DECIDED_AT_ONCE = 1_000

/** Whether the log refuses a record of these for its size. With others of the same call stored it only says so as the cause. */
export function isTooLarge(error: unknown): boolean {
  return (
    isHoldfastError(error) && [error, error.cause].some(one => isHoldfastError(one, 'LOG_RECORD_TOO_LARGE'))
  )
}
