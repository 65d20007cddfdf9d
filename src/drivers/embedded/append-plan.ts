import { HoldfastError, offset, type Position } from '../../event/index.ts'
import type { AppendOutcome, AppendRecord, Partitioner } from '../../log/index.ts'
import { unknownTopic, type CatalogueReader } from './catalogue.ts'
import { encodeChunk } from './chunk.ts'
import type { KnownId, KnownIds } from './dedup.ts'
import type { DedupTable, Place, StorageTransaction } from './storage.ts'
import { readTail, writeTail, type Tail } from './tail.ts'

/** One call of `append`: stored whole or not at all, in one commit. */
export interface AppendCall {
  readonly topic: string
  readonly records: readonly PreparedRecord[]
  readonly bytes: number
  resolve(outcomes: readonly AppendOutcome[]): void
  reject(error: unknown): void
}

/** Its partition is chosen within the transaction: other processes make topics, delete them and add partitions. */
export interface PreparedRecord extends Pick<AppendRecord, 'key' | 'partition'> {
  readonly bytes: Uint8Array
  /** `id` is a `dedupId`. */
  readonly dedup: { readonly id: string; readonly hash: Uint8Array } | undefined
}

export interface AppendPlanParts {
  readonly catalogue: CatalogueReader
  readonly known: KnownIds
  readonly now: number
  readonly partitioner: (topic: string) => Partitioner
}

/**
 * What one transaction appends. Everything is read and decided before anything is written: a call that is refused
 * leaves no trace, and those beside it go on.
 */
export class AppendPlan {
  readonly outcomes: { readonly call: AppendCall; readonly outcomes: readonly AppendOutcome[] }[] = []
  readonly #tx: StorageTransaction
  readonly #parts: AppendPlanParts
  readonly #topics = new Map<string, PlannedTopic>()
  readonly #newIds = new Map<string, KnownId>()

  constructor(tx: StorageTransaction, parts: AppendPlanParts) {
    this.#tx = tx
    this.#parts = parts
  }

  /** Throws, planning nothing of this call, `LOG_TOPIC_UNKNOWN`, `CONFIG_INVALID` and `LOG_CORRUPT`. */
  add(call: AppendCall): void {
    const topic = this.#topic(call.topic)
    const looked = call.records.map(record => ({
      record,
      growth: this.#growth(topic, topic.choose(record, topic.partitions)),
      known: record.dedup && this.#parts.known.find(this.#tx, record.dedup.id),
    }))
    const outcomes = looked.map(({ record, growth, known }) => {
      const first = this.#first(record, known)
      return first ?? this.#append(call.topic, record, growth)
    })
    this.outcomes.push({ call, outcomes })
  }

  write(table: () => DedupTable): void {
    for (const growth of this.#grown()) {
      const { place, tail, records, end, timestamp } = growth
      let { last, bytes } = tail
      let base = tail.end
      for (const group of chunksOf(records)) {
        const chunk = encodeChunk({ ...place, base, previous: last, timestamp }, group)
        this.#tx.putChunk(place, base, chunk)
        last = base
        base += BigInt(group.length)
        bytes += chunk.length
      }
      if (base !== end)
        throw new HoldfastError('INTERNAL', { detail: `chunks end at ${base}, offsets at ${end}` })
      writeTail(this.#tx, place, { start: tail.start, end, last, timestamp, bytes })
    }
    if (this.#newIds.size === 0) return
    const into = table()
    for (const [id, known] of this.#newIds) this.#parts.known.add(this.#tx, into, id, known)
  }

  /** Partitions that got records. */
  places(): readonly Place[] {
    return this.#grown().map(({ place }) => place)
  }

  #grown(): readonly Growth[] {
    return [...this.#topics.values()]
      .flatMap(({ growths }) => [...growths.values()])
      .filter(({ records }) => records.length > 0)
  }

  /** The outcome for an id that is known, from before or from this very transaction. */
  #first({ dedup }: PreparedRecord, stored: KnownId | undefined): AppendOutcome | undefined {
    if (dedup === undefined) return undefined
    const known = stored ?? this.#newIds.get(dedup.id)
    if (known === undefined) return undefined
    const topic = this.#parts.catalogue.nameOf(this.#tx, known.topicId)
    if (topic === undefined) return undefined // it went with its topic
    const position: Position = { topic, partition: known.partition, offset: offset(known.offset) }
    return { kind: Buffer.compare(known.hash, dedup.hash) === 0 ? 'duplicate' : 'conflict', position }
  }

  #append(topic: string, { bytes, dedup }: PreparedRecord, growth: Growth): AppendOutcome {
    const at = offset(growth.end++)
    growth.records.push(bytes)
    if (dedup !== undefined) this.#newIds.set(dedup.id, { ...growth.place, offset: at, hash: dedup.hash })
    const position: Position = { topic, partition: growth.place.partition, offset: at }
    return { kind: 'appended', position, timestamp: growth.timestamp }
  }

  #topic(name: string): PlannedTopic {
    const planned = this.#topics.get(name)
    if (planned !== undefined) return planned
    const stored = this.#parts.catalogue.topic(this.#tx, name)
    if (stored === undefined) throw unknownTopic(name)
    const { id, partitions } = stored
    const topic: PlannedTopic = { id, partitions, choose: this.#parts.partitioner(name), growths: new Map() }
    this.#topics.set(name, topic)
    return topic
  }

  #growth(topic: PlannedTopic, partition: number): Growth {
    const planned = topic.growths.get(partition)
    if (planned !== undefined) return planned
    const place: Place = { topicId: topic.id, partition }
    const tail = readTail(this.#tx, place)
    if (tail === undefined) {
      throw new HoldfastError('LOG_CORRUPT', { detail: `the tail of partition ${partition} is missing` })
    }
    // Offsets order the log, not clocks: time never goes back within a partition.
    const timestamp = Math.max(this.#parts.now, tail.timestamp)
    const growth: Growth = { place, tail, end: tail.end, records: [], timestamp }
    topic.growths.set(partition, growth)
    return growth
  }
}

/** A topic as the transaction found it. */
interface PlannedTopic {
  readonly id: number
  readonly partitions: number
  readonly choose: Partitioner
  /** By partition. */
  readonly growths: Map<number, Growth>
}

interface Growth {
  readonly place: Place
  readonly tail: Tail
  readonly records: Uint8Array[]
  readonly timestamp: number
  end: bigint
}

/** Encoded records in groups of at most {@link CHUNK_BYTES}, at least one record each. */
export function* chunksOf(records: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  let group: Uint8Array[] = []
  let bytes = 0
  for (const record of records) {
    if (group.length > 0 && bytes + record.length > CHUNK_BYTES) {
      yield group
      group = []
      bytes = 0
    }
    group.push(record)
    bytes += record.length
  }
  yield group
}

/** A reader takes in a chunk at a time, whatever it was asked for. */
const CHUNK_BYTES = 256 * 1024
