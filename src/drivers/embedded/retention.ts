import { partitionId, sleep, type Clock } from '../../event/index.ts'
import type { CatalogueReader, StoredTopic } from './catalogue.ts'
import type { Chunk } from './chunk.ts'
import { deleteFront, frontOf, type Front } from './front.ts'
import type { Place, Storage, StorageTransaction, StorageView } from './storage.ts'
import { EMPTY_TAIL, readTail, type Tail } from './tail.ts'

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
  return storage.view(view => due(view, place, topic, trustedNow(), 1).front.chunks.length > 0)
}

function deleteSlice(tx: StorageTransaction, place: Place, topic: StoredTopic, now: number): bigint {
  const { tail, front } = due(tx, place, topic, now)
  return deleteFront(tx, place, tail, front)
}

/** Readers are told of damage; here it only ends what may be deleted. */
function due(
  view: StorageView,
  place: Place,
  { retentionMs = Number.POSITIVE_INFINITY, retentionBytes = Number.POSITIVE_INFINITY }: StoredTopic,
  now: number,
  most?: number,
): { readonly tail: Tail; readonly front: Front } {
  const tail = readTail(view, place) ?? EMPTY_TAIL // a topic that was deleted meanwhile
  const goes = (chunk: Chunk, left: number): boolean => {
    const old = chunk.timestamp < now - retentionMs
    const tooMuch = left > retentionBytes && chunk.next < tail.end // the last one is kept
    return old || tooMuch
  }
  return { tail, front: frontOf(view, place, tail, goes, most) }
}
