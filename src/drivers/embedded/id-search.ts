import {
  idHeaders,
  isHoldfastError,
  offset,
  othersTurn,
  timeOfId,
  type Clock,
  type LogRecord,
} from '../../event/index.ts'
import { madeAround, type FindOptions, type IdSearch, type Unsearched } from '../../log/index.ts'
import type { CatalogueReader } from './catalogue.ts'
import { decodeChunk } from './chunk.ts'
import { glanceAt, headerBytes, sizedText } from './chunk-ids.ts'
import { hashOfId } from './id-filter.ts'
import { NOTHING_COVERED, readCoverage, readPage, uncovered, type Stretch } from './id-pages.ts'
import type { Storage, StorageView, StoredChunk } from './storage.ts'
import { EMPTY_TAIL, readTail } from './tail.ts'

export interface IdSearchDeps {
  readonly storage: Storage
  readonly catalogue: CatalogueReader
  readonly clock: Clock
}

/** Pages looked into, and bytes of events read, before others have their turn. */
const PAGES_AT_ONCE = 64n
const SLICE_BYTES = 4 * 1024 * 1024
const BLOCK_EVENTS = 32_768n
const LONG_ID = 6
/**
 * Finds records by an id in their headers. Pages of the index say which stretches of some tens of thousands of events may
 * have it, and these are read. Then comes what no page covers: behind the index what came last, and before it what is
 * older than it reaches. An id that carries its time is looked for around that time there. The rest is read from its new
 * end on for as long as patience lasts, what is older than the index only while nothing was found.
 */
export async function searchId(deps: IdSearchDeps, id: string, options: FindOptions): Promise<IdSearch> {
  const search = new Search(deps, id, options)
  return search.run()
}

class Search {
  readonly #deps: IdSearchDeps
  readonly #id: string
  readonly #options: FindOptions
  readonly #needles: readonly Buffer[]
  readonly #records: LogRecord[] = []
  readonly #unsearched: Unsearched[] = []
  /** Events: those for which the index answers, those of them that were read, and those without an index that were. */
  #covered = 0n
  #candidates = 0n
  #uncovered = 0n

  constructor(deps: IdSearchDeps, id: string, options: FindOptions) {
    this.#deps = deps
    this.#id = id
    this.#options = options
    // Bytes are looked through once for each needle: the id alone will do where it is not likely to stand elsewhere.
    const headers = options.as.map(role => headerBytes(idHeaders[role], id))
    this.#needles = id.length < LONG_ID ? headers : [sizedText(id)]
  }

  async run(): Promise<IdSearch> {
    const { candidates, before, behind } = await this.#lookIntoIndex()
    for (const stretch of candidates) await this.#read(stretch, Number.POSITIVE_INFINITY)
    // Only what the index does not cover is a matter of patience.
    const until = this.#deps.clock.monotonic() + this.#options.patienceMs
    const time = this.#options.as.includes('id') ? timeOfId(this.#id) : undefined
    const [late, old] =
      time === undefined ? [behind, before] : await this.#readAround(time, behind, before, until)
    await this.#readBackwards(late, until)
    if (time === undefined && this.#records.length === 0) await this.#readBackwards(old, until)
    else for (const stretch of old) this.#leaveOut(stretch)
    return {
      records: this.#records.toSorted((a, b) => a.timestamp - b.timestamp || Number(a.offset - b.offset)),
      more: this.#records.length >= this.#options.limit,
      searched: { events: this.#covered + this.#uncovered, read: this.#candidates + this.#uncovered },
      unsearched: this.#unsearched,
    }
  }

  async #lookIntoIndex(): Promise<{
    readonly candidates: readonly Stretch[]
    readonly before: readonly Stretch[]
    readonly behind: readonly Stretch[]
  }> {
    const { storage, catalogue } = this.#deps
    let coverage = NOTHING_COVERED
    const candidates: Stretch[] = []
    try {
      coverage = storage.view(readCoverage)
      const hash = hashOfId(this.#id)
      for (let number = coverage.firstPage; number < coverage.nextPage; number += PAGES_AT_ONCE) {
        storage.view(view => {
          for (let n = number; n < number + PAGES_AT_ONCE && n < coverage.nextPage; n++) {
            const page = readPage(view, n) // one that is not there was dropped just now, as the oldest
            if (page?.filter.mayHold(hash) === true) candidates.push(...page.stretches)
          }
        })
        await othersTurn()
      }
    } catch (error) {
      if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
      coverage = NOTHING_COVERED // a damaged index says nothing, and is made anew
      candidates.length = 0
    }
    const around = storage.view(view => uncovered(view, catalogue, coverage))
    for (const { from, to } of coverage.stretches) this.#covered += to - from
    return {
      candidates,
      before: around.map(({ before }) => before),
      behind: around.map(({ behind }) => behind),
    }
  }

  /** Reads around `time`, and answers what is left of both. */
  async #readAround(
    time: number,
    behind: readonly Stretch[],
    before: readonly Stretch[],
    until: number,
  ): Promise<readonly [readonly Stretch[], readonly Stretch[]]> {
    const rest = async (stretches: readonly Stretch[]): Promise<Stretch[]> => {
      const left: Stretch[] = []
      for (const stretch of stretches) {
        const [first, last] = this.#deps.storage.view(view => [
          offsetAt(view, stretch, time - madeAround.beforeMs),
          offsetAt(view, stretch, time + madeAround.afterMs),
        ])
        await this.#read({ ...stretch, from: first, to: last }, until)
        left.push({ ...stretch, to: first }, { ...stretch, from: last })
      }
      return left
    }
    return [await rest(behind), await rest(before)]
  }

  /** A block of each in turn, from their ends on: of what is not reached in time, as much as possible is old. */
  async #readBackwards(stretches: readonly Stretch[], until: number): Promise<void> {
    let left = stretches.filter(({ from, to }) => from < to)
    while (left.length > 0) {
      const next: Stretch[] = []
      for (const stretch of left) {
        if (this.#isOver(until)) {
          this.#leaveOut(stretch)
          continue
        }
        const from = this.#deps.storage.view(view => blockStart(view, stretch))
        await this.#read({ ...stretch, from }, until)
        if (from > stretch.from) next.push({ ...stretch, to: from })
      }
      left = next
    }
  }

  #isOver(until: number): boolean {
    const { signal, limit } = this.#options
    return signal.aborted || this.#deps.clock.monotonic() > until || this.#records.length >= limit
  }

  async #read(stretch: Stretch, until: number): Promise<void> {
    const { storage, catalogue } = this.#deps
    const { to, ...place } = stretch
    const topic = storage.view(view => catalogue.nameOf(view, stretch.topicId))
    if (topic === undefined) return // deleted since it was indexed
    let at = stretch.from
    while (at < to && !this.#isOver(until)) {
      const next = this.#slice(topic, { ...place, from: at, to })
      if (next === at) break // damage
      if (until === Number.POSITIVE_INFINITY) this.#candidates += next - at
      else this.#uncovered += next - at
      at = next
      await othersTurn()
    }
    this.#leaveOut({ ...stretch, from: at })
  }

  /** The same where LMDB meets a page that is damaged: those who read the partition are told. */
  #slice(topic: string, stretch: Stretch): bigint {
    try {
      return this.#deps.storage.view(view => this.#readSlice(view, topic, stretch))
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CORRUPT')) return stretch.from
      throw error
    }
  }

  /** Answers where to go on: nowhere, where the chunk that follows is missing. */
  #readSlice(view: StorageView, topic: string, { from, to, ...place }: Stretch): bigint {
    const { start } = readTail(view, place) ?? EMPTY_TAIL
    let at = from < start ? start : from // retention
    let bytes = 0
    view.visitChunks(place, at, stored => {
      const chunk = glanceAt(stored)
      if (chunk === undefined || stored.base !== at || at >= to || bytes > SLICE_BYTES) return false
      if (!this.#take(topic, stored)) return false
      at = chunk.next
      bytes += stored.bytes.length
      return true
    })
    return at < to ? at : to
  }

  /** False for a damaged chunk. */
  #take(topic: string, { bytes }: StoredChunk): boolean {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!this.#needles.some(needle => chunk.includes(needle))) return true
    try {
      const whole = decodeChunk(chunk)
      for (let i = 0; i < whole.count && this.#records.length < this.#options.limit; i++) {
        const found = whole.record(topic, i)
        if (this.#options.as.some(role => found.headers[idHeaders[role]] === this.#id))
          this.#records.push(found)
      }
      return true
    } catch (error) {
      if (isHoldfastError(error, 'LOG_CORRUPT')) return false
      throw error
    }
  }

  #leaveOut({ from, to, ...place }: Stretch): void {
    if (from >= to) return
    const { storage, catalogue } = this.#deps
    const left = storage.view((view): Unsearched | undefined => {
      const topic = catalogue.nameOf(view, place.topicId)
      const { start } = readTail(view, place) ?? EMPTY_TAIL
      if (topic === undefined || to <= start) return undefined
      const last = view.chunkAt(place, to - 1n)
      const until = last && glanceAt(last)?.timestamp
      return {
        topic,
        partition: place.partition,
        from: offset(from < start ? start : from),
        to: offset(to),
        until,
      }
    })
    if (left !== undefined) this.#unsearched.push(left)
  }
}

/** Where the chunk begins that holds the first of the last {@link BLOCK_EVENTS}. */
function blockStart(view: StorageView, { from, to, ...place }: Stretch): bigint {
  const at = to - BLOCK_EVENTS
  if (at <= from) return from
  const base = view.chunkAt(place, at)?.base ?? from
  return base < from ? from : base
}

/** The first offset of the stretch, at the beginning of a chunk, whose time is `time` or later; its end if there is none. */
function offsetAt(view: StorageView, { from, to, ...place }: Stretch, time: number): bigint {
  let low = from
  let high = to
  while (low < high) {
    const stored = view.chunkAt(place, (low + high) / 2n)
    const chunk = stored && glanceAt(stored)
    if (stored === undefined || chunk === undefined) return low // damage: whoever reads on from here meets it
    if (chunk.timestamp < time) low = chunk.next
    else high = stored.base
  }
  return low < from ? from : low > to ? to : low
}
