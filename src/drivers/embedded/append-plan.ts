import { HoldfastError, offset, type Position } from '../../event/index.ts'
import type { AppendOutcome } from '../../log/index.ts'
import { unknownTopic, type CatalogueReader } from './catalogue.ts'
import { encodeChunk } from './chunk.ts'
import type { KnownId, KnownIds } from './dedup.ts'
import type { DedupTable, Place, StorageTransaction } from './storage.ts'
import { readTail, writeTail, type Tail } from './tail.ts'

/** One call of `append`: stored whole or not at all, in one commit. */
export interface AppendCall {
  readonly topic: string
  readonly topicId: number
  readonly records: readonly PreparedRecord[]
  readonly bytes: number
  resolve(outcomes: readonly AppendOutcome[]): void
  reject(error: unknown): void
}

export interface PreparedRecord {
  readonly partition: number
  readonly bytes: Uint8Array
  readonly dedup: { readonly id: Buffer; readonly hash: Uint8Array } | undefined
}

/**
 * What one transaction appends. Everything is read and decided before anything is written: a call that is refused
 * leaves no trace, and those beside it go on.
 */
export class AppendPlan {
  readonly outcomes: { readonly call: AppendCall; readonly outcomes: readonly AppendOutcome[] }[] = []
  records = 0
  bytes = 0
  readonly #tx: StorageTransaction
  readonly #catalogue: CatalogueReader
  readonly #known: KnownIds
  readonly #now: number
  readonly #growths = new Map<string, Growth>()
  readonly #newIds = new Map<string, KnownId>()

  constructor(tx: StorageTransaction, catalogue: CatalogueReader, known: KnownIds, now: number) {
    this.#tx = tx
    this.#catalogue = catalogue
    this.#known = known
    this.#now = now
  }

  /** Throws, planning nothing of this call, `LOG_TOPIC_UNKNOWN` and `LOG_CORRUPT`. */
  add(call: AppendCall): void {
    // The topic may have been deleted, by any process, since the call came in.
    if (this.#catalogue.topic(this.#tx, call.topic)?.id !== call.topicId) throw unknownTopic(call.topic)
    const looked = call.records.map(record => ({
      record,
      growth: this.#growth({ topicId: call.topicId, partition: record.partition }),
      known: record.dedup && this.#known.find(this.#tx, record.dedup.id),
    }))
    const outcomes = looked.map(({ record, growth, known }) => {
      const first = this.#first(record, known)
      return first ?? this.#append(call.topic, record, growth)
    })
    this.outcomes.push({ call, outcomes })
  }

  write(table: () => DedupTable): void {
    for (const { place, tail, records, end, timestamp } of this.#growths.values()) {
      if (records.length === 0) continue
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
    for (const [id, known] of this.#newIds) this.#known.add(this.#tx, into, Buffer.from(id, 'latin1'), known)
  }

  /** Partitions that got records. */
  places(): readonly Place[] {
    return [...this.#growths.values()].filter(({ records }) => records.length > 0).map(({ place }) => place)
  }

  /** The outcome for an id that is known, from before or from this very transaction. */
  #first({ dedup }: PreparedRecord, stored: KnownId | undefined): AppendOutcome | undefined {
    if (dedup === undefined) return undefined
    const known = stored ?? this.#newIds.get(dedup.id.toString('latin1'))
    if (known === undefined) return undefined
    const topic = this.#catalogue.nameOf(this.#tx, known.topicId)
    if (topic === undefined) return undefined // it went with its topic
    const position: Position = { topic, partition: known.partition, offset: offset(known.offset) }
    return { kind: Buffer.compare(known.hash, dedup.hash) === 0 ? 'duplicate' : 'conflict', position }
  }

  #append(topic: string, { bytes, dedup }: PreparedRecord, growth: Growth): AppendOutcome {
    const at = growth.end++
    growth.records.push(bytes)
    this.records++
    this.bytes += bytes.length
    if (dedup !== undefined) {
      this.#newIds.set(dedup.id.toString('latin1'), { ...growth.place, offset: at, hash: dedup.hash })
    }
    const position: Position = { topic, partition: growth.place.partition, offset: offset(at) }
    return { kind: 'appended', position, timestamp: growth.timestamp }
  }

  #growth(place: Place): Growth {
    const id = `${place.topicId}/${place.partition}`
    const planned = this.#growths.get(id)
    if (planned !== undefined) return planned
    const tail = readTail(this.#tx, place)
    if (tail === undefined) {
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `the tail of partition ${place.partition} is missing`,
      })
    }
    // Offsets order the log, not clocks: time never goes back within a partition.
    const timestamp = Math.max(this.#now, tail.timestamp)
    const growth: Growth = { place, tail, end: tail.end, records: [], timestamp }
    this.#growths.set(id, growth)
    return growth
  }
}

interface Growth {
  readonly place: Place
  readonly tail: Tail
  readonly records: Uint8Array[]
  readonly timestamp: number
  end: bigint
}

/** Records in groups of at most {@link CHUNK_BYTES}, at least one record each. */
function* chunksOf(records: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
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
