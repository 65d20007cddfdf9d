import { isHoldfastError, partitionId, sleep, type Clock } from '../../event/index.ts'
import type { CatalogueReader, StoredTopic } from './catalogue.ts'
import { chain } from './chain.ts'
import type { Place, Storage, StorageTransaction, StorageView } from './storage.ts'
import { EMPTY_TAIL, readTail, writeTail, type Tail } from './tail.ts'

export interface RetentionDeps {
  readonly storage: Storage
  readonly catalogue: CatalogueReader
  readonly clock: Clock
  /** See `trusted-time.ts`: a clock that jumps ahead deletes nothing early. */
  readonly trustedNow: () => number
}

/**
 * Deletes whole chunks from the front of each partition, as far as its topic allows. Every slice is one short
 * transaction, and between two of them others get their turn. Answers how many records went, by partition id.
 */
export async function enforceRetention(
  deps: RetentionDeps,
  signal: AbortSignal,
): Promise<Map<string, bigint>> {
  const { storage, catalogue, clock } = deps
  const deleted = new Map<string, bigint>()
  const topics = storage.view(view => Object.entries(catalogue.read(view).topics))
  for (const [name, topic] of topics) {
    if (topic.retentionMs === undefined && topic.retentionBytes === undefined) continue
    for (let partition = 0; partition < topic.partitions; partition++) {
      const place = { topicId: topic.id, partition }
      while (!signal.aborted && isDue(deps, place, topic)) {
        const count = await storage.transact(tx => deleteSlice(tx, place, topic, deps.trustedNow()), 'urgent')
        if (count === 0n) break
        const id = partitionId({ topic: name, partition })
        deleted.set(id, (deleted.get(id) ?? 0n) + count)
        await sleep(clock, 0, signal)
      }
    }
  }
  return deleted
}

/** Looks first, so that a log where nothing is due is not written to. */
function isDue({ storage, trustedNow }: RetentionDeps, place: Place, topic: StoredTopic): boolean {
  return storage.view(view => dueChunks(view, place, topic, trustedNow(), 1).chunks.length > 0)
}

function deleteSlice(tx: StorageTransaction, place: Place, topic: StoredTopic, now: number): bigint {
  const { tail, chunks, start, bytes } = dueChunks(tx, place, topic, now, SLICE_CHUNKS)
  for (const base of chunks) tx.deleteChunk(place, base)
  if (chunks.length > 0) writeTail(tx, place, { ...tail, start, bytes: tail.bytes - bytes })
  return start - tail.start
}

interface Due {
  readonly tail: Tail
  /** Bases. */
  readonly chunks: readonly bigint[]
  /** Where the partition begins without them. */
  readonly start: bigint
  readonly bytes: number
}

/** The chunks at the front that may go. Those before damage still may; nothing behind it is touched. */
function dueChunks(
  view: StorageView,
  place: Place,
  { retentionMs = Number.POSITIVE_INFINITY, retentionBytes = Number.POSITIVE_INFINITY }: StoredTopic,
  now: number,
  most: number,
): Due {
  const tail = readTail(view, place) ?? EMPTY_TAIL // a topic that was deleted meanwhile
  const chunks: bigint[] = []
  let start = tail.start
  let bytes = 0
  try {
    for (const chunk of chain(view, place, tail, tail.start)) {
      const old = chunk.timestamp < now - retentionMs
      const tooMuch = tail.bytes - bytes > retentionBytes && chunk.next < tail.end // the last one is kept
      if (chunks.length >= most || bytes >= SLICE_BYTES || !(old || tooMuch)) break
      chunks.push(chunk.base)
      start = chunk.next
      bytes += chunk.size
    }
  } catch (error) {
    if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
    // Readers are told; here it only ends what may be deleted.
  }
  return { tail, chunks, start, bytes }
}

const SLICE_CHUNKS = 256
const SLICE_BYTES = 16 * 1024 * 1024
