import { isHoldfastError, sleep, type Clock } from '../../event/index.ts'
import type { CatalogueReader } from './catalogue.ts'
import { addIds, glanceAt } from './chunk-ids.ts'
import { IdFilter, IdHashes } from './id-filter.ts'
import { addPage, dropIndex, placeId, readCoverage, uncovered, type Stretch } from './id-pages.ts'
import type { Storage, StorageView } from './storage.ts'

export interface IdIndexerDeps {
  readonly storage: Storage
  readonly catalogue: CatalogueReader
  readonly clock: Clock
  /** The oldest pages go above it. */
  readonly maxBytes: number
}

/** Events of a page. More make fewer pages to look into, and more events to read where one says yes. */
const PAGE_EVENTS = 32_768n
/** Read at a stretch: what else this process does waits meanwhile. */
const SLICE_BYTES = 256 * 1024
/** Times as long as it worked. */
const REST = 49

/**
 * Makes the index of ids. Appends know nothing of it: it reads what they have stored, in short slices, and rests after
 * each. So it takes a fiftieth of a processor at most, and falls behind when events come faster than that allows; whoever
 * searches then reads the rest.
 *
 * Every process that has the log open does this. Two may make the same page; the second to be done throws its own away.
 */
export class IdIndexer {
  readonly #deps: IdIndexerDeps
  /** Offsets at which the chunks of a place cannot be followed any further. */
  readonly #stuck = new Map<string, bigint>()

  constructor(deps: IdIndexerDeps) {
    this.#deps = deps
  }

  /** Adds pages until what is left does not make one. */
  async run(signal: AbortSignal): Promise<void> {
    const { storage, maxBytes } = this.#deps
    try {
      for (let due = this.#due(); due !== undefined && !signal.aborted; due = this.#due()) {
        const { stretches, hashes } = await this.#gather(due, signal)
        if (signal.aborted) return
        if (stretches.length === 0) continue // what was in the way is known now
        const filter = IdFilter.of(hashes)
        if (!(await storage.transact(tx => addPage(tx, stretches, filter, maxBytes), 'ordinary'))) return
      }
    } catch (error) {
      if (isHoldfastError(error, 'LOG_FULL', 'LOG_STALLED')) return // those who append are told; it is tried again
      if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
      // A damaged index is no damage to the log: it is made anew.
      await storage.transact(dropIndex, 'ordinary')
    }
  }

  /** What no page covers yet; undefined when it does not make a page. */
  #due(): readonly Stretch[] | undefined {
    const { storage, catalogue } = this.#deps
    return storage.view(view => {
      const due = uncovered(view, catalogue, readCoverage(view))
        .map(({ behind }) => behind)
        .filter(({ from, to, ...place }) => from < to && this.#stuck.get(placeId(place)) !== from)
      const events = due.reduce((sum, { from, to }) => sum + (to - from), 0n)
      return events >= PAGE_EVENTS ? due : undefined
    })
  }

  async #gather(
    due: readonly Stretch[],
    signal: AbortSignal,
  ): Promise<{ readonly stretches: readonly Stretch[]; readonly hashes: IdHashes }> {
    const { clock } = this.#deps
    const hashes = new IdHashes()
    const stretches: Stretch[] = []
    let left = PAGE_EVENTS
    for (const stretch of due) {
      let at = stretch.from
      while (at < stretch.to && left > 0n && !signal.aborted) {
        const began = clock.monotonic()
        const next = this.#add({ ...stretch, from: at }, left, hashes)
        await sleep(clock, (clock.monotonic() - began) * REST, signal)
        if (next === at) {
          this.#stuck.set(placeId(stretch), at) // damage, or retention was faster and it begins elsewhere now
          break
        }
        left -= next - at
        at = next
      }
      if (at > stretch.from) stretches.push({ ...stretch, to: at })
      if (left <= 0n) break
    }
    return { stretches, hashes }
  }

  /** Where it goes on: nowhere, at a page of LMDB that is damaged. That is the log's own damage, and no reason to begin anew. */
  #add(stretch: Stretch, most: bigint, hashes: IdHashes): bigint {
    try {
      return this.#deps.storage.view(view => addSlice(view, stretch, most, hashes))
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CORRUPT')) return stretch.from
      throw error
    }
  }
}

/** Adds the ids of about {@link SLICE_BYTES}, and answers where it goes on: nowhere, where the chunk that follows is missing. */
function addSlice(
  view: StorageView,
  { from, to, ...place }: Stretch,
  most: bigint,
  hashes: IdHashes,
): bigint {
  let at = from
  let bytes = 0
  view.visitChunks(place, from, stored => {
    const chunk = glanceAt(stored)
    if (chunk === undefined || stored.base !== at || at >= to || bytes > SLICE_BYTES || at - from >= most)
      return false
    try {
      addIds(stored.bytes, hashes)
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CORRUPT')) return false
      throw error
    }
    at = chunk.next
    bytes += stored.bytes.length
    return true
  })
  return at
}
