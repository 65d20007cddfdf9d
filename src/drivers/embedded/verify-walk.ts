import { isHoldfastError } from '../../event/index.ts'
import { CatalogueReader } from './catalogue.ts'
import { decodeChunk } from './chunk.ts'
import { LmdbView } from './lmdb-view.ts'
import type { Lmdb } from './lmdb.ts'
import { openRow } from './sealed-row.ts'
import { DEDUP_TABLES, type Place, type StoredChunk } from './storage.ts'
import { readTail } from './tail.ts'

/** What a walk over a log says, step by step, so that whoever listens knows where it was when it died. */
export type WalkMessage =
  | { readonly kind: 'begins'; readonly part: string }
  | { readonly kind: 'finding'; readonly part: string; readonly text: string }
  | { readonly kind: 'partition'; readonly part: string; readonly partition: PartitionFacts }
  | { readonly kind: 'done' }

export interface PartitionFacts {
  readonly topic: string
  readonly partition: number
  /** Whole and in their place. */
  readonly records: number
  readonly bytes: number
  /** Offsets as strings; undefined when there are no records. */
  readonly first: string | undefined
  readonly last: string | undefined
}

/**
 * Reads and checks everything: topics, rows, and every record of every partition. Goes on behind damage, so that all of
 * it is told. `skip` names the parts that killed a process before. Views are short, so a log in use may be walked.
 */
export function walk(lmdb: Lmdb, skip: ReadonlySet<string>, tell: (message: WalkMessage) => void): void {
  const view = new LmdbView(lmdb)
  const catalogue = new CatalogueReader()
  const part = (name: string, check: (finding: (text: string) => void) => void): void => {
    if (skip.has(name)) return
    tell({ kind: 'begins', part: name })
    const finding = (text: string): void => tell({ kind: 'finding', part: name, text })
    lmdb.refresh()
    try {
      check(finding)
    } catch (error) {
      finding(reason(error))
    }
  }
  part('list of topics', () => catalogue.read(view))
  for (const table of ['state', 'groups', ...DEDUP_TABLES] as const) {
    part(`table ${table}`, finding => {
      let found = 0
      for (const [key, row] of view.rows(table, new Uint8Array())) {
        found++
        openRow(`row ${found}`, key, row)
      }
      if (found !== view.rowCount(table)) finding(`holds ${found} rows instead of ${view.rowCount(table)}`)
    })
  }
  for (const [topic, { id, partitions }] of Object.entries(topicsOf(catalogue, view))) {
    for (let partition = 0; partition < partitions; partition++) {
      part(`${topic}/${partition}`, finding => {
        const facts = walkPartition(lmdb, view, { topicId: id, partition }, finding)
        tell({ kind: 'partition', part: `${topic}/${partition}`, partition: { topic, partition, ...facts } })
      })
    }
  }
  tell({ kind: 'done' })
}

type Counted = Omit<PartitionFacts, 'topic' | 'partition'>

function walkPartition(lmdb: Lmdb, view: LmdbView, place: Place, finding: (text: string) => void): Counted {
  const counted = {
    records: 0,
    bytes: 0,
    first: undefined as string | undefined,
    last: undefined as string | undefined,
  }
  /** The offset that must come next, and the base of the chunk before it where that is known. */
  let next = 0n
  let previous: bigint | undefined
  const take = (stored: StoredChunk): void => {
    const chunk = decodeChunk(stored.bytes)
    if (
      chunk.base !== stored.base ||
      chunk.topicId !== place.topicId ||
      chunk.partition !== place.partition
    ) {
      finding(`at offset ${stored.base} stands a chunk of another place`)
      return
    }
    if (chunk.base !== next) finding(`offsets ${next} to ${chunk.base - 1n} are missing`)
    else if (previous !== undefined && chunk.previous !== previous) {
      finding(`the chunk at ${chunk.base} follows ${chunk.previous ?? 'nothing'} and not ${previous}`)
    }
    for (let i = 0; i < chunk.count; i++) chunk.record('', i)
    counted.records += chunk.count
    counted.bytes += chunk.size
    counted.first ??= String(chunk.base)
    counted.last = String(chunk.next - 1n)
    next = chunk.next
    previous = chunk.base
  }
  for (let from: bigint | undefined = 0n; from !== undefined;) {
    lmdb.refresh()
    const tail = readTail(view, place)
    if (tail === undefined) {
      finding('its tail is missing')
      return counted
    }
    if (tail.start > next) [next, previous] = [tail.start, undefined] // the beginning, or retention was faster
    from = walkSlice(view, place, from, take, finding)
    if (from !== undefined) continue
    if (next < tail.end) finding(`offsets ${next} to ${tail.end - 1n} are missing`)
    if (next > tail.end) finding(`records up to ${next - 1n} stand behind the end ${tail.end}`)
  }
  return counted
}

/** Where to go on, undefined at the end: no view lasts long, so that pages can be used again meanwhile. */
function walkSlice(
  view: LmdbView,
  place: Place,
  from: bigint,
  take: (stored: StoredChunk) => void,
  finding: (text: string) => void,
): bigint | undefined {
  let bytes = 0
  try {
    for (const stored of view.chunks(place, from)) {
      if (bytes > SLICE_BYTES) return stored.base
      bytes += stored.bytes.length
      try {
        take(stored)
      } catch (error) {
        finding(`chunk at offset ${stored.base}: ${reason(error)}`)
      }
    }
  } catch (error) {
    finding(reason(error)) // LMDB gets no further in this partition
  }
  return undefined
}

const SLICE_BYTES = 64 * 1024 * 1024

function topicsOf(catalogue: CatalogueReader, view: LmdbView): ReturnType<CatalogueReader['read']>['topics'] {
  try {
    return catalogue.read(view).topics
  } catch {
    return {} // told before
  }
}

function reason(error: unknown): string {
  return isHoldfastError(error) ? error.detail : String(error)
}
