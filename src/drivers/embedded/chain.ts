import { HoldfastError } from '../../event/index.ts'
import { decodeChunk, type Chunk } from './chunk.ts'
import type { Place, StorageView, StoredChunk } from './storage.ts'
import type { Tail } from './tail.ts'

/**
 * The chunks of a partition from the one that holds `from` up to the end, each checked and each following on the one
 * before. LMDB ends a range at a damaged page without an error, so the end that counts is the one in the tail: an
 * earlier one, like a gap, throws `LOG_CORRUPT`. Whoever stops before is told nothing of what comes after.
 */
export function* chain(view: StorageView, place: Place, tail: Tail, from: bigint): Iterable<Chunk> {
  if (from === tail.end) return
  let chunk = chunkHolding(view, place, tail, from)
  yield chunk
  for (const stored of view.chunks(place, chunk.next)) {
    const following = checked(stored, place)
    if (following.base !== chunk.next || following.previous !== chunk.base) {
      throw gap(chunk.next, `a chunk at ${following.base} that follows ${following.previous ?? 'nothing'}`)
    }
    chunk = following
    if (chunk.next > tail.end) throw gap(tail.end, `records up to ${chunk.next} behind the end`)
    yield chunk
  }
  if (chunk.next !== tail.end || chunk.base !== tail.last)
    throw gap(chunk.next, `nothing before the end ${tail.end}`)
}

/** The chunk that holds offset `at`, which lies within the tail's bounds. Throws `LOG_CORRUPT`. */
export function chunkHolding(view: StorageView, place: Place, tail: Tail, at: bigint): Chunk {
  const stored = view.chunkAt(place, at)
  if (stored === undefined) throw gap(at, 'no chunk')
  const chunk = checked(stored, place)
  if (chunk.base < tail.start || chunk.next <= at || chunk.next > tail.end) {
    throw gap(at, `the chunk of ${chunk.base} to ${chunk.next}`)
  }
  return chunk
}

function checked(stored: StoredChunk, place: Place): Chunk {
  const chunk = decodeChunk(stored.bytes)
  if (chunk.base !== stored.base || chunk.topicId !== place.topicId || chunk.partition !== place.partition) {
    throw gap(
      stored.base,
      `a chunk of ${chunk.base} of partition ${chunk.partition} of topic id ${chunk.topicId}`,
    )
  }
  return chunk
}

function gap(at: bigint, found: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', {
    detail: `at offset ${at} there is ${found}`,
    facts: { offset: at },
  })
}
