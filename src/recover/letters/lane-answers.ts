import { isHoldfastError, type Offset, type TopicPartition } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { decodeLaneRecord } from '../lane/lane-codec.ts'

/** What the owner said to a request. `forgotten`: it has answered, and the answer is deleted by now. */
export type LaneAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'forgotten' }

const LIMITS = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }

/** Reads one partition of a retry lane for the answers to requests. Anybody may; only the owner writes them. */
export class LaneAnswers {
  readonly #log: Log
  readonly #lane: TopicPartition
  readonly #waiting = new Map<string, { at: Offset | undefined; answer(answer: LaneAnswer): void }>()

  constructor(log: Log, lane: TopicPartition) {
    this.#log = log
    this.#lane = lane
  }

  /** To be called before the request is appended; resolves when it is answered. */
  of(request: string): Promise<LaneAnswer> {
    const { promise, resolve } = Promise.withResolvers<LaneAnswer>()
    this.#waiting.set(request, { at: undefined, answer: resolve })
    return promise
  }

  /** Where the request was stored. */
  stored(request: string, at: Offset): void {
    const waiting = this.#waiting.get(request)
    if (waiting) waiting.at = at
  }

  /** Reads from a place until the signal ends it. */
  async read(from: Offset, signal: AbortSignal): Promise<void> {
    let at = from
    while (!signal.aborted) {
      try {
        const page = await this.#log.read({ ...this.#lane, offset: at }, LIMITS, signal)
        for (const record of page.records) {
          const found = decodeLaneRecord(record)
          if (found.kind !== 'answer') continue
          const { id, refused } = found
          this.#answer(
            id,
            refused === undefined ? { kind: 'accepted' } : { kind: 'refused', reason: refused },
          )
        }
        at = page.next
      } catch (error) {
        if (!isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) throw error
        // The owner deletes what is done. A request without an answer is not done, so these were answered.
        const { start } = await this.#log.bounds(this.#lane)
        for (const [id, waiting] of this.#waiting) {
          if (waiting.at !== undefined && waiting.at < start) this.#answer(id, { kind: 'forgotten' })
        }
        at = start
      }
    }
  }

  #answer(id: string, answer: LaneAnswer): void {
    this.#waiting.get(id)?.answer(answer)
    this.#waiting.delete(id)
  }
}
