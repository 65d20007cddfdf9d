import { HoldfastError, partitionId, type Position } from '../../event/index.ts'
import type { CatalogueReader } from './catalogue.ts'
import { deleteFront, frontOf, type Front } from './front.ts'
import { locate, outOfRange, type Located } from './locate.ts'
import type { Storage, StorageView } from './storage.ts'

/**
 * Deletes the whole chunks below a position. The chunk that it stands in is kept: to cut it, its records would have to
 * be written again. Every slice is one short transaction; where no chunk is to go, nothing is written.
 */
export async function deleteRecords(
  storage: Storage,
  catalogue: CatalogueReader,
  before: Position,
): Promise<void> {
  while (storage.view(view => below(view, catalogue, before, 1).front.chunks.length > 0)) {
    await storage.transact(tx => {
      const { place, tail, front } = below(tx, catalogue, before)
      deleteFront(tx, place, tail, front)
    }, 'urgent')
  }
}

/** Throws `LOG_CORRUPT` when damage is all that is left below the position. */
function below(
  view: StorageView,
  catalogue: CatalogueReader,
  before: Position,
  most?: number,
): Located & { readonly front: Front } {
  const { place, tail } = locate(view, catalogue, before)
  if (before.offset > tail.end) throw outOfRange(before, tail)
  const front = frontOf(view, place, tail, chunk => chunk.next <= before.offset, most)
  if (front.damage !== undefined && front.chunks.length === 0 && before.offset > tail.start) {
    throw new HoldfastError('LOG_CORRUPT', {
      detail: `partition ${partitionId(before)}: ${front.damage.detail}`,
      facts: { ...front.damage.facts, topic: before.topic, partition: before.partition },
      cause: front.damage,
    })
  }
  return { place, tail, front }
}
