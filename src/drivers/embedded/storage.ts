import type { HoldfastError } from '../../event/index.ts'

/**
 * What the embedded log needs of a disk, and no more: chunks in order, small rows, and transactions that are durable
 * when they resolve and shared by all processes that opened the folder. LMDB fills it today; a segment file log could
 * take its place where small batches on slow disks matter more than several processes.
 */
export interface Storage {
  /** Runs `fn` on one consistent state, as new as all that any process has made durable. `fn` keeps nothing of it. */
  view<T>(fn: (view: StorageView) => T): T
  /**
   * Runs `fn` alone among all processes. Resolves with its answer when its writes are durable; writes nothing when it
   * throws. Transactions of this process run in the order of the calls.
   *
   * Rejects with `LOG_FULL` or `LOG_STALLED`, having stored nothing, and with `LOG_FAILED` when it is not known what was stored: then
   * nothing is ever written again, and {@link Storage.failed} settles.
   */
  transact<T>(fn: (tx: StorageTransaction) => T, urgency: Urgency): Promise<T>
  /** Calls `fn` some time after another process may have written. A hint, with no promise. */
  watch(fn: () => void): () => void
  sizes(): StorageSizes
  readonly failed: Promise<HoldfastError>
  /** Lets transactions under way finish. */
  close(): Promise<void>
}

/**
 * `ordinary` is refused while the disk is nearly full. `urgent` (positions of groups, retention) then uses the reserve:
 * without it a full disk could not be freed.
 */
export type Urgency = 'ordinary' | 'urgent'

/** Whose chunks: topic ids are never used again, names may be. */
export interface Place {
  readonly topicId: number
  readonly partition: number
}

export interface StoredChunk {
  /** As its key says; the bytes say it too. */
  readonly base: bigint
  /** Not checked yet. */
  readonly bytes: Uint8Array
}

/**
 * Rows apart from chunks, in byte order of their keys. The `dedup` tables take turns and are emptied whole; `ids` can be made
 * anew from the chunks.
 */
export type Table = 'state' | 'groups' | 'ids' | DedupTable
export type DedupTable = (typeof DEDUP_TABLES)[number]
export const DEDUP_TABLES = ['dedup-0', 'dedup-1', 'dedup-2', 'dedup-3', 'dedup-4', 'dedup-5'] as const

export interface StorageView {
  /** The chunk with the largest base at or below `at`. */
  chunkAt(place: Place, at: bigint): StoredChunk | undefined
  /** Chunks with a base at or above `from`, in order. Ends without an error where a page is damaged: check the chain. */
  chunks(place: Place, from: bigint): Iterable<StoredChunk>
  /**
   * The same for whoever looks at many and keeps none: `visit` gets each until it answers false, and its bytes are gone
   * with the next. Memory of its own for each chunk costs more than looking at it.
   */
  visitChunks(place: Place, from: bigint, visit: (chunk: StoredChunk) => boolean): void
  row(table: Table, key: Uint8Array): Uint8Array | undefined
  rows(table: Table, prefix: Uint8Array): Iterable<readonly [key: Uint8Array, value: Uint8Array]>
  /** How many rows there should be: fewer in {@link rows} means damage. */
  rowCount(table: Table | 'chunks'): number
}

/** Rows read as written before in the same transaction; chunks and cleared tables as they were before it. */
export interface StorageTransaction extends StorageView {
  putChunk(place: Place, base: bigint, bytes: Uint8Array): void
  deleteChunk(place: Place, base: bigint): void
  putRow(table: Table, key: Uint8Array, value: Uint8Array): void
  deleteRow(table: Table, key: Uint8Array): void
  /** Empties the table before all other writes of this transaction. */
  clear(table: Table): void
}

export interface StorageSizes {
  /** Bytes of the file. */
  readonly fileBytes: number
  /** Of those, bytes that hold nothing and are used again. */
  readonly reusableBytes: number
  /** Bytes that the disk has left for us. */
  readonly diskFreeBytes: number
}
