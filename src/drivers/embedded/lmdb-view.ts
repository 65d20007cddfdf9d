import type { Lmdb, LmdbDatabase, LmdbEntry } from './lmdb.ts'
import type { Write } from './overlay.ts'
import type { Place, StorageView, StoredChunk, Table } from './storage.ts'

/** Chunks and rows as keys of LMDB. Reads within a transaction see its writes. */
export class LmdbView implements StorageView {
  readonly #lmdb: Lmdb

  constructor(lmdb: Lmdb) {
    this.#lmdb = lmdb
  }

  chunkAt(place: Place, at: bigint): StoredChunk | undefined {
    const range = { start: chunkKey(place, at), end: placeKey(place), reverse: true, limit: 1 }
    for (const { key, value } of entries(this.#lmdb.chunks, range)) return { base: baseOf(key), bytes: value }
    return undefined
  }

  *chunks(place: Place, from: bigint): Iterable<StoredChunk> {
    const end = placeKey({ ...place, partition: place.partition + 1 })
    for (const { key, value } of entries(this.#lmdb.chunks, { start: chunkKey(place, from), end })) {
      yield { base: baseOf(key), bytes: value }
    }
  }

  visitChunks(place: Place, from: bigint, visit: (chunk: StoredChunk) => boolean): void {
    const { chunks } = this.#lmdb
    const end = placeKey({ ...place, partition: place.partition + 1 })
    for (const key of iterated(chunks.getKeys({ start: chunkKey(place, from), end }))) {
      const value = chunks.getBinaryFast(key)
      if (value === undefined) return
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
      if (!visit({ base: baseOf(key), bytes })) return
    }
  }

  row(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#lmdb.table(table).get(key)
  }

  *rows(table: Table, prefix: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]> {
    for (const { key, value } of entries(this.#lmdb.table(table), { start: prefix })) {
      if (!startsWith(key, prefix)) return
      yield [key, value]
    }
  }

  rowCount(table: Table | 'chunks'): number {
    const database = table === 'chunks' ? this.#lmdb.chunks : this.#lmdb.table(table)
    return database.getStats().entryCount
  }

  /** Only within a transaction. */
  apply(write: Write): void {
    switch (write.kind) {
      case 'put-chunk':
        this.#lmdb.chunks.put(chunkKey(write.place, write.base), write.bytes)
        return
      case 'delete-chunk':
        this.#lmdb.chunks.remove(chunkKey(write.place, write.base))
        return
      case 'put-row':
        this.#lmdb.table(write.table).put(write.key, write.value)
        return
      case 'delete-row':
        this.#lmdb.table(write.table).remove(write.key)
        return
      case 'clear':
        this.#lmdb.table(write.table).clearAsync()
    }
  }
}

function entries(
  database: LmdbDatabase,
  range: Parameters<LmdbDatabase['getRange']>[0],
): Iterable<LmdbEntry> {
  return iterated(database.getRange(range))
}

/**
 * A range of LMDB. Its iterator keeps the read transaction when it throws at a damaged page, and with that all pages
 * from being used again and all later reads in the damaged state; so it is ended by hand.
 */
function* iterated<T>(range: Iterable<T>): Iterable<T> {
  const iterator = range[Symbol.iterator]()
  try {
    for (let step = iterator.next(); step.done !== true; step = iterator.next()) yield step.value
  } finally {
    iterator.return?.()
  }
}

/** Big-endian, so that the order of keys is the order of offsets. */
function chunkKey(place: Place, base: bigint): Buffer {
  const key = Buffer.allocUnsafe(16)
  key.writeUInt32BE(place.topicId, 0)
  key.writeUInt32BE(place.partition, 4)
  key.writeBigUInt64BE(base, 8)
  return key
}

function placeKey(place: Place): Buffer {
  return chunkKey(place, 0n).subarray(0, 8)
}

function baseOf(key: Uint8Array): bigint {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE(8)
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (key[i] !== prefix[i]) return false
  return true
}
