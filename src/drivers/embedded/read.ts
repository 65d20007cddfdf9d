import {
  HoldfastError,
  isHoldfastError,
  offset,
  partitionId,
  type Clock,
  type LogRecord,
  type Offset,
  type Position,
  type TopicPartition,
} from '../../event/index.ts'
import type { Bounds, ReadLimits, ReadResult } from '../../log/index.ts'
import type { CatalogueReader } from './catalogue.ts'
import { chain, chunkHolding } from './chain.ts'
import type { Changes } from './changes.ts'
import { locate, outOfRange } from './locate.ts'
import type { Place, Storage, StorageView } from './storage.ts'
import type { Tail } from './tail.ts'

export interface ReaderDeps {
  readonly storage: Storage
  readonly catalogue: CatalogueReader
  readonly changes: Changes
  readonly clock: Clock
  /** Told of each damage that a read met. */
  readonly corrupt: (tp: TopicPartition, error: HoldfastError) => void
}

/** Reads by position. Each look at the storage is one short view: nothing of it is held while waiting. */
export class Reader {
  readonly #deps: ReaderDeps

  constructor(deps: ReaderDeps) {
    this.#deps = deps
  }

  async read(at: Position, limits: ReadLimits, signal: AbortSignal): Promise<ReadResult> {
    const { clock, changes, storage } = this.#deps
    const deadline = clock.monotonic() + limits.waitMs
    let isFresh = false
    for (;;) {
      let look: { readonly result: ReadResult; readonly place: Place }
      try {
        look = this.#within(at, (view, place, tail) => ({
          place,
          result: readFrom(view, place, tail, at, limits),
        }))
      } catch (error) {
        if (isFresh || !isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) throw error
        // The end may have been that of a moment ago (`last-number.ts`). After a transaction it is not.
        isFresh = true
        await storage.transact(() => {}, 'urgent').catch(() => {})
        continue
      }
      const { result, place } = look
      const left = deadline - clock.monotonic()
      if (result.records.length > 0 || left <= 0 || signal.aborted) return result
      await changes.next(place, left, signal)
      if (changes.closed) return result
    }
  }

  bounds(tp: TopicPartition): Bounds {
    return this.#within(tp, (_view, _place, { start, end }) => ({ start: offset(start), end: offset(end) }))
  }

  offsetAt(tp: TopicPartition, time: number): Offset {
    return this.#within(tp, (view, place, tail) => {
      let low = tail.start
      let high = tail.end
      while (low < high) {
        const chunk = chunkHolding(view, place, tail, (low + high) / 2n)
        if (chunk.timestamp < time) low = chunk.next
        else high = chunk.base
      }
      return offset(low)
    })
  }

  /** What is not as it was written stops the partition: whoever reads it is told, and nothing is skipped. */
  #within<T>(tp: TopicPartition, fn: (view: StorageView, place: Place, tail: Tail) => T): T {
    const { storage, catalogue } = this.#deps
    try {
      return storage.view(view => {
        const { place, tail } = locate(view, catalogue, tp)
        return fn(view, place, tail)
      })
    } catch (error) {
      if (isHoldfastError(error) && error.code !== 'LOG_CORRUPT') throw error
      const detail = isHoldfastError(error) ? error.detail : String(error) // LMDB met a page that cannot be
      const corrupt = new HoldfastError('LOG_CORRUPT', {
        detail: `partition ${partitionId(tp)}: ${detail}`,
        facts: { ...tp, ...(isHoldfastError(error) ? error.facts : {}) },
        cause: error,
      })
      this.#deps.corrupt(tp, corrupt)
      throw corrupt
    }
  }
}

function readFrom(view: StorageView, place: Place, tail: Tail, at: Position, limits: ReadLimits): ReadResult {
  const { start, end } = tail
  if (at.offset < start || at.offset > end) throw outOfRange(at, tail)
  const records: LogRecord[] = []
  let next: bigint = at.offset
  let bytes = 0
  for (const chunk of chain(view, place, tail, at.offset)) {
    for (let index = Number(next - chunk.base); index < chunk.count; index++) {
      bytes += chunk.sizeOf(index)
      if (records.length >= limits.maxRecords || (bytes > limits.maxBytes && records.length > 0)) {
        return { records, next: offset(next), end: offset(end) }
      }
      records.push(chunk.record(at.topic, index))
      next++
    }
  }
  return { records, next: offset(next), end: offset(end) }
}
