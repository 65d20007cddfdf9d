import type { Clock, LogRecord, TopicPartition } from '../../event/index.ts'
import { recordBytes } from '../../log/index.ts'

/** Records that were fetched and not yet asked for, with what a read answers beside them. */
export interface Ahead {
  readonly records: readonly LogRecord[]
  readonly next: bigint
  readonly end: bigint
}

/**
 * A fetch answers up to a megabyte, a page is some hundred records: the rest is kept for the next page, or it would be
 * fetched again and again. Keyed by where it begins, so that each group finds its own. Little is kept, and not for long.
 */
export class ReadAhead {
  readonly #clock: Clock
  readonly #kept = new Map<
    string,
    Ahead & { readonly bytes: number; readonly at: number; readonly id: string }
  >()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  put(topicId: string, tp: TopicPartition, ahead: Ahead): void {
    const [first] = ahead.records
    if (first === undefined) return
    const id = `${topicId}/${tp.partition}`
    const bytes = ahead.records.reduce((sum, record) => sum + recordBytes(record), 0)
    const key = `${id}@${first.offset}`
    this.#drop(key)
    this.#kept.set(key, { ...ahead, bytes, id, at: this.#clock.monotonic() })
    this.#bytes += bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MAX_BYTES) break
      this.#drop(oldest)
    }
  }

  take(topicId: string, tp: TopicPartition, from: bigint): Ahead | undefined {
    const key = `${topicId}/${tp.partition}@${from}`
    const found = this.#kept.get(key)
    this.#drop(key)
    // What is older may have been deleted meanwhile by somebody else.
    return found !== undefined && this.#clock.monotonic() - found.at <= MAX_AGE_MS ? found : undefined
  }

  forget(topicId: string, partition: number): void {
    for (const [key, { id }] of this.#kept) if (id === `${topicId}/${partition}`) this.#drop(key)
  }

  #drop(key: string): void {
    const found = this.#kept.get(key)
    if (found === undefined) return
    this.#kept.delete(key)
    this.#bytes -= found.bytes
  }
}

const MAX_BYTES = 32 * 1024 * 1024
const MAX_AGE_MS = 5_000
