import { isHoldfastError, type HoldfastError } from '../../event/index.ts'
import { chain } from './chain.ts'
import type { Chunk } from './chunk.ts'
import type { Place, StorageTransaction, StorageView } from './storage.ts'
import { writeTail, type Tail } from './tail.ts'

/** Whole chunks at the front of a partition that may go: as many as one short transaction deletes. */
export interface Front {
  /** Bases. */
  readonly chunks: readonly bigint[]
  /** Where the partition begins without them. */
  readonly start: bigint
  readonly bytes: number
  /** What ended it. Chunks before damage may go; nothing behind it is touched. */
  readonly damage: HoldfastError | undefined
}

/** Chunks from the front for as long as `goes` says so; `left` are the bytes of the partition without those before. */
export function frontOf(
  view: StorageView,
  place: Place,
  tail: Tail,
  goes: (chunk: Chunk, left: number) => boolean,
  most: number = SLICE_CHUNKS,
): Front {
  const chunks: bigint[] = []
  let start = tail.start
  let bytes = 0
  try {
    for (const chunk of chain(view, place, tail, tail.start)) {
      if (chunks.length >= most || bytes >= SLICE_BYTES || !goes(chunk, tail.bytes - bytes)) break
      chunks.push(chunk.base)
      start = chunk.next
      bytes += chunk.size
    }
  } catch (error) {
    if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
    return { chunks, start, bytes, damage: error }
  }
  return { chunks, start, bytes, damage: undefined }
}

/** Answers how many records went. */
export function deleteFront(
  tx: StorageTransaction,
  place: Place,
  tail: Tail,
  { chunks, start, bytes }: Front,
): bigint {
  for (const base of chunks) tx.deleteChunk(place, base)
  if (chunks.length > 0) writeTail(tx, place, { ...tail, start, bytes: tail.bytes - bytes })
  return start - tail.start
}

const SLICE_CHUNKS = 256
const SLICE_BYTES = 16 * 1024 * 1024
