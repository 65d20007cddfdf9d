import {
  isHoldfastError,
  othersTurn,
  sleep,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../event/index.ts'
import type { ReadLimits, ReadResult } from '../log/index.ts'
import { failureText } from '../recover/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { GroupContext, Task } from './group-context.ts'
import { rateLimit, type RateLimit } from './limits.ts'
import { readEvent } from './read-event.ts'
import { newTask } from './task.ts'
import type { Delivery, Watermark } from './watermark.ts'

export interface TopicIntakeOptions {
  readonly context: GroupContext
  readonly topic: AnyTopic
  readonly partition: TopicPartition
  readonly mark: Watermark
  /** Events a second at most; undefined: as they come. */
  readonly perSecond: number | undefined
  /** Below which it ends; undefined: never. */
  readonly end: Offset | undefined
  readonly signal: AbortSignal
  /** Whether enough is taken in as it is, whatever the intake itself counts. */
  isFull(): boolean
  /** No handler wants it: it is done. */
  skipped(record: LogRecord): void
  take(task: Task, delivery: Delivery): void
  /** A page was taken in. */
  paged(): void
  /** Reading has come to an end that time does not mend. */
  halted(reason: string): void
}

/** Fetched at once, at most. */
const FETCH = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }
/** Bytes in flight for each partition. */
const MAX_BYTES = 16 * 1024 * 1024
/** Delivered events from the first unfinished one on: what a crash would deliver again. */
const MAX_SPAN = 100_000
const READ_TROUBLE = 'reading the log failed'
/** Between tries to read. */
const RETRY_READ_MS = 1_000

/** Reads a partition of the topic, page by page, as long as there is room for what it holds. */
export class TopicIntake {
  /** Set when retention overtook the group: where the log begins now. */
  lostUpTo: Offset | undefined
  readonly #o: TopicIntakeOptions
  #bytes = 0
  readonly #rate: RateLimit
  readonly #fetch: ReadLimits
  #roomMade: (() => void) | undefined
  #halted = false

  constructor(options: TopicIntakeOptions) {
    this.#o = options
    options.signal.addEventListener('abort', () => options.context.troubles.givenUp(this), { once: true })
    const { perSecond, context } = options
    this.#rate = rateLimit(perSecond, context.clock)
    const maxRecords = Math.max(1, Math.min(FETCH.maxRecords, Math.floor(perSecond ?? Infinity)))
    this.#fetch = { ...FETCH, maxRecords }
  }

  async read(start: Offset): Promise<void> {
    const { context, signal } = this.#o
    let position = start
    const { end } = this.#o
    while (!this.#isOver() && (end === undefined || position < end)) {
      await this.#room()
      await context.gate.passed(signal)
      // An open breaker pauses intake too: what is read now would only wait in memory.
      for (const dependency of context.dependencies) (await dependency.enter(signal))?.done('neither')
      if (this.#isOver()) return
      const next = await this.#takePage(position)
      if (next === position) continue
      position = next
      await othersTurn()
    }
  }

  /** Takes in no more. */
  stop(): void {
    this.#halted = true
    this.makeRoom()
  }

  /** It has its outcome: its bytes are free. */
  settled(record: LogRecord): void {
    this.#bytes -= sizeOf(record)
  }

  /** Something that fills it may have changed. */
  makeRoom(): void {
    if (!this.#roomMade || (!this.#isOver() && this.#isFull())) return
    this.#roomMade()
    this.#roomMade = undefined
  }

  async #room(): Promise<void> {
    while (this.#isFull() && !this.#isOver()) {
      const made = Promise.withResolvers<void>()
      this.#roomMade = made.resolve
      await made.promise
    }
  }

  #isOver(): boolean {
    return this.#halted || this.#o.signal.aborted
  }

  #isFull(): boolean {
    const { mark, context } = this.#o
    return (
      mark.unfinished >= context.settings.maxInFlight ||
      this.#bytes >= MAX_BYTES ||
      mark.span >= MAX_SPAN ||
      this.#o.isFull()
    )
  }

  // ---- one page

  /** Answers where to read on. Holds no page when it has answered: the loop waits, and there are many partitions. */
  async #takePage(offset: Offset): Promise<Offset> {
    const { context, partition, end, signal } = this.#o
    let page: ReadResult
    try {
      page = await context.log.read({ ...partition, offset }, this.#fetch, signal)
    } catch (error) {
      if (signal.aborted) return offset
      if (this.#mayReadAgain(error)) await sleep(context.clock, RETRY_READ_MS, signal)
      else this.#halted = true
      return offset
    }
    context.troubles.over(READ_TROUBLE, this)
    if (this.#isOver() || page.next === offset) return offset
    const isLast = end !== undefined && page.next > end
    const records = isLast ? page.records.filter(record => record.offset < end) : page.records
    const next = isLast ? end : page.next
    if (records.length > 0) await this.#rate.take(records.length, signal)
    if (this.#isOver()) return offset
    if (records.every(record => this.#accept(record))) this.#o.mark.readUpTo(next)
    this.#o.paged()
    return next
  }

  #mayReadAgain(error: unknown): boolean {
    const { context, partition, mark } = this.#o
    if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_CORRUPT')) {
      const start = error.facts['start']
      const isLost =
        error.code === 'OFFSET_OUT_OF_RANGE' && typeof start === 'bigint' && start > mark.commitable
      if (isLost) this.lostUpTo = start as Offset
      this.#halt(error.message)
      return false
    }
    if (isHoldfastError(error, 'LOG_CLOSED')) return false
    context.troubles.met(READ_TROUBLE, this, { ...partition, error: failureText(error) })
    return true
  }

  /** False when the partition must wait at this record. */
  #accept(record: LogRecord): boolean {
    const { context, topic, mark } = this.#o
    const reading = readEvent(record, topic, context.settings)
    switch (reading.kind) {
      case 'pause':
        mark.readUpTo(record.offset)
        this.#halt(reading.reason)
        return false
      case 'skip': {
        mark.completed(mark.delivered(record))
        this.#o.skipped(record)
        return true
      }
      case 'handle':
      case 'dead': {
        this.#bytes += sizeOf(record)
        this.#o.take(newTask(record, reading), mark.delivered(record))
        return true
      }
    }
  }

  #halt(reason: string): void {
    this.stop()
    this.#o.halted(reason)
  }
}

/** Memory that a record holds while it is in flight, roughly. */
function sizeOf(record: LogRecord): number {
  return (record.value?.byteLength ?? 0) + 500
}
