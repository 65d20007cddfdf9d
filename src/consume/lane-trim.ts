import { partitionId, type Clock, type Logger, type Offset, type TopicPartition } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { failureText } from '../recover/index.ts'

export interface LaneTrimOptions {
  readonly log: Log
  readonly lane: TopicPartition
  readonly clock: Clock
  readonly logger: Logger
}

/** Between two deletions. */
const EVERY_MS = 60_000
/** What is done stays for people: they ask what became of an event, and its attempts stand nowhere else. */
const KEPT_MS = 24 * 60 * 60 * 1_000

/** Deletes the records of a retry lane that nothing needs any more: its topic has no retention of its own. */
export class LaneTrim {
  readonly #o: LaneTrimOptions
  #dueAt: number
  #before: Offset | undefined

  constructor(options: LaneTrimOptions) {
    this.#o = options
    this.#dueAt = options.clock.monotonic() + EVERY_MS
  }

  /** `forgettable`: an accepted commit says that nothing below it is needed. Undefined when it is not time. */
  below(forgettable: Offset): Promise<void> | undefined {
    const now = this.#o.clock.monotonic()
    if (now < this.#dueAt || forgettable === this.#before) return undefined
    this.#dueAt = now + EVERY_MS
    return this.#delete(forgettable)
  }

  async #delete(forgettable: Offset): Promise<void> {
    const { log, lane, clock, logger } = this.#o
    try {
      const old = await log.offsetAt(lane, clock.now() - KEPT_MS)
      await log.deleteRecords({ ...lane, offset: old < forgettable ? old : forgettable })
      if (old >= forgettable) this.#before = forgettable
    } catch (error) {
      // What stays costs disk and nothing else; it is tried again.
      logger.warn({ lane: partitionId(lane), error: failureText(error) }, 'old records of a retry lane stay')
    }
  }
}
