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
import { unknownTopic, type CatalogueReader } from './catalogue.ts'
import { chain, chunkHolding } from './chain.ts'
import type { Changes } from './changes.ts'
import type { Place, Storage, StorageView } from './storage.ts'
import { readTail, type Tail } from './tail.ts'

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
    const { clock, changes } = this.#deps
    const deadline = clock.monotonic() + limits.waitMs
    for (;;) {
      const { result, place } = this.#within(at, (view, place, tail) => ({
        place,
        result: readFrom(view, place, tail, at, limits),
      }))
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
        const topic = catalogue.topic(view, tp.topic)
        if (topic === undefined || tp.partition >= topic.partitions) throw unknownTopic(partitionId(tp))
        const place = { topicId: topic.id, partition: tp.partition }
        const tail = readTail(view, place)
        if (tail === undefined) throw new HoldfastError('LOG_CORRUPT', { detail: 'its tail is missing' })
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

function outOfRange(at: Position, { start, end }: Tail): HoldfastError {
  const { topic, partition } = at
  // Offsets of this log have no gaps, so what lies between is exactly what was deleted.
  const lost = at.offset < start ? { lost: start - at.offset } : {}
  return new HoldfastError('OFFSET_OUT_OF_RANGE', {
    detail: `${at.offset} of ${partitionId(at)}, which holds ${start} to ${end}`,
    facts: { topic, partition, start, end, ...lost },
  })
}
