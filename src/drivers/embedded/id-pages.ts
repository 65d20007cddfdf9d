import type { CatalogueReader } from './catalogue.ts'
import { IdFilter } from './id-filter.ts'
import { openRow, sealRow } from './sealed-row.ts'
import type { Place, StorageTransaction, StorageView } from './storage.ts'
import { EMPTY_TAIL, readTail } from './tail.ts'

/**
 * The index of ids as it is stored: pages, each a filter over the ids of some tens of thousands of events, and one row that
 * says from where to where each partition is covered. It may be thrown away at any time, and is then made anew.
 */
export interface IdPage {
  readonly number: bigint
  readonly stretches: readonly Stretch[]
  readonly filter: IdFilter
}

/** Offsets `from` up to but not with `to`. */
export interface Stretch extends Place {
  readonly from: bigint
  readonly to: bigint
}

export interface IdCoverage {
  /** Pages `firstPage` up to but not with `nextPage` are there. */
  readonly firstPage: bigint
  readonly nextPage: bigint
  /** Bytes of them. */
  readonly bytes: number
  /** One for each partition of which anything is covered. */
  readonly stretches: readonly Stretch[]
}

export const NOTHING_COVERED: IdCoverage = { firstPage: 0n, nextPage: 0n, bytes: 0, stretches: [] }

export function placeId({ topicId, partition }: Place): string {
  return `${topicId}/${partition}`
}

/** Throws `LOG_CORRUPT`. */
export function readCoverage(view: StorageView): IdCoverage {
  const row = view.row('ids', COVERAGE_KEY)
  if (row === undefined) return NOTHING_COVERED
  const body = openRow('what the index of ids covers', COVERAGE_KEY, row)
  return {
    firstPage: body.readBigUInt64BE(0),
    nextPage: body.readBigUInt64BE(8),
    bytes: body.readDoubleBE(16),
    stretches: stretchesIn(body, 24).stretches,
  }
}

/** Undefined for one that is not there. Throws `LOG_CORRUPT`. */
export function readPage(view: StorageView, number: bigint): IdPage | undefined {
  const key = pageKey(number)
  const row = view.row('ids', key)
  if (row === undefined) return undefined
  const body = openRow(`page ${number} of the index of ids`, key, row)
  const { stretches, end } = stretchesIn(body, 0)
  return { number, stretches, filter: new IdFilter(body.subarray(end)) }
}

/** Of each partition that there is, what lies before the part that pages cover and what lies behind it. */
export function uncovered(
  view: StorageView,
  catalogue: CatalogueReader,
  { stretches }: IdCoverage,
): { readonly before: Stretch; readonly behind: Stretch }[] {
  const covered = new Map(stretches.map(stretch => [placeId(stretch), stretch]))
  return Object.values(catalogue.read(view).topics).flatMap(({ id: topicId, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => {
      const place = { topicId, partition }
      const { start, end } = readTail(view, place) ?? EMPTY_TAIL
      const { from, to } = covered.get(placeId(place)) ?? { from: start, to: start }
      const [first, last] = [max(from, start), max(to, start)]
      return { before: { ...place, from: start, to: first }, behind: { ...place, from: last, to: end } }
    }),
  )
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/**
 * Adds a page for stretches that follow on what is covered, and drops the oldest pages above `maxBytes`. False, writing
 * nothing, when another process has been faster.
 */
export function addPage(
  tx: StorageTransaction,
  stretches: readonly Stretch[],
  filter: IdFilter,
  maxBytes: number,
): boolean {
  const coverage = readCoverage(tx)
  const covered = new Map(coverage.stretches.map(stretch => [placeId(stretch), stretch]))
  for (const stretch of stretches) {
    const before = covered.get(placeId(stretch))
    if (before !== undefined && before.to > stretch.from) return false
    // A gap between them went with retention; what is covered is one stretch without it.
    covered.set(placeId(stretch), before?.to === stretch.from ? { ...stretch, from: before.from } : stretch)
  }
  const number = coverage.nextPage
  const body = Buffer.concat([encodeStretches(stretches), filter.bytes])
  tx.putRow('ids', pageKey(number), sealRow(pageKey(number), body))
  let { firstPage, bytes } = coverage
  bytes += body.length
  while (bytes > maxBytes && firstPage < number) {
    const page = readPage(tx, firstPage)
    bytes -= page === undefined ? 0 : page.filter.bytes.length + encodeStretches(page.stretches).length
    tx.deleteRow('ids', pageKey(firstPage++))
    for (const { topicId, partition, to } of page?.stretches ?? []) {
      const place = placeId({ topicId, partition })
      const left = covered.get(place)
      if (left === undefined || left.to <= to) covered.delete(place)
      else if (left.from < to) covered.set(place, { ...left, from: to })
    }
  }
  writeCoverage(tx, { firstPage, nextPage: number + 1n, bytes, stretches: [...covered.values()] })
  return true
}

/** Forgets all of it: it is made anew from the log. */
export function dropIndex(tx: StorageTransaction): void {
  tx.clear('ids')
}

function writeCoverage(tx: StorageTransaction, { firstPage, nextPage, bytes, stretches }: IdCoverage): void {
  const head = Buffer.allocUnsafe(24)
  head.writeBigUInt64BE(firstPage, 0)
  head.writeBigUInt64BE(nextPage, 8)
  head.writeDoubleBE(bytes, 16)
  const body = Buffer.concat([head, encodeStretches(stretches)])
  tx.putRow('ids', COVERAGE_KEY, sealRow(COVERAGE_KEY, body))
}

const STRETCH_BYTES = 24

function encodeStretches(stretches: readonly Stretch[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 + stretches.length * STRETCH_BYTES)
  bytes.writeUInt32BE(stretches.length, 0)
  stretches.forEach(({ topicId, partition, from, to }, i) => {
    const at = 4 + i * STRETCH_BYTES
    bytes.writeUInt32BE(topicId, at)
    bytes.writeUInt32BE(partition, at + 4)
    bytes.writeBigUInt64BE(from, at + 8)
    bytes.writeBigUInt64BE(to, at + 16)
  })
  return bytes
}

function stretchesIn(
  bytes: Buffer,
  at: number,
): { readonly stretches: readonly Stretch[]; readonly end: number } {
  const count = bytes.readUInt32BE(at)
  const stretches = Array.from({ length: count }, (_, i) => {
    const from = at + 4 + i * STRETCH_BYTES
    return {
      topicId: bytes.readUInt32BE(from),
      partition: bytes.readUInt32BE(from + 4),
      from: bytes.readBigUInt64BE(from + 8),
      to: bytes.readBigUInt64BE(from + 16),
    }
  })
  return { stretches, end: at + 4 + count * STRETCH_BYTES }
}

const COVERAGE_KEY = Buffer.from('coverage', 'latin1')

function pageKey(number: bigint): Buffer {
  const key = Buffer.allocUnsafe(9)
  key.write('p', 0, 'latin1')
  key.writeBigUInt64BE(number, 1)
  return key
}
