import { HoldfastError, partitionId, type Position } from '../../event/index.ts'
import type { ImportedRecord, Imports } from '../../log/index.ts'
import { chunksOf } from './append-plan.ts'
import type { CatalogueReader } from './catalogue.ts'
import { encodeChunk, encodeRecord } from './chunk.ts'
import { locate } from './locate.ts'
import type { Place, Storage, StorageTransaction } from './storage.ts'
import { EMPTY_TAIL, writeTail, type Tail } from './tail.ts'

/** See the port. Records take their places and times from another log; that alone is different from an append. */
export function importer(
  storage: Storage,
  catalogue: CatalogueReader,
  appended: (place: Place) => void,
): Pick<Imports, 'begin' | 'append'> {
  return {
    begin: at => storage.transact(tx => begin(tx, catalogue, at), 'ordinary'),
    async append(at, records) {
      const encoded = records.map(record => ({ bytes: encodeRecord(record), timestamp: record.timestamp }))
      const place = await storage.transact(tx => append(tx, catalogue, at, encoded), 'ordinary')
      appended(place)
    },
  }
}

function begin(tx: StorageTransaction, catalogue: CatalogueReader, at: Position): void {
  const { place, tail } = locate(tx, catalogue, at)
  if (tail.start !== tail.end || tail.end > at.offset) throw elsewhere(at, tail)
  if (tail.end < at.offset) writeTail(tx, place, { ...EMPTY_TAIL, start: at.offset, end: at.offset })
}

type Encoded = Pick<ImportedRecord, 'timestamp'> & { readonly bytes: Buffer }

function append(
  tx: StorageTransaction,
  catalogue: CatalogueReader,
  at: Position,
  records: readonly Encoded[],
): Place {
  const { place, tail } = locate(tx, catalogue, at)
  if (tail.end !== at.offset) throw elsewhere(at, tail)
  let now = tail
  for (const { timestamp, records: encoded } of byTime(records)) {
    if (timestamp < now.timestamp) {
      throw new HoldfastError('MIGRATION_REFUSED', {
        detail: `time goes back at ${now.end} of ${partitionId(at)}, from ${now.timestamp} to ${timestamp}: this log orders by time`,
      })
    }
    for (const group of chunksOf(encoded)) {
      const chunk = encodeChunk({ ...place, base: now.end, previous: now.last, timestamp }, group)
      tx.putChunk(place, now.end, chunk)
      const end = now.end + BigInt(group.length)
      now = { start: now.start, end, last: now.end, timestamp, bytes: now.bytes + chunk.length }
    }
  }
  if (now !== tail) writeTail(tx, place, now)
  return place
}

/** Neighbours of one time: a chunk has one. */
function byTime(records: readonly Encoded[]): { readonly timestamp: number; readonly records: Buffer[] }[] {
  const runs: { readonly timestamp: number; readonly records: Buffer[] }[] = []
  for (const { timestamp, bytes } of records) {
    const last = runs.at(-1)
    if (last?.timestamp === timestamp) last.records.push(bytes)
    else runs.push({ timestamp, records: [bytes] })
  }
  return runs
}

function elsewhere(at: Position, { start, end }: Tail): HoldfastError {
  return new HoldfastError('MIGRATION_REFUSED', {
    detail: `${partitionId(at)} holds ${start} to ${end} and cannot go on at ${at.offset}`,
    facts: { topic: at.topic, partition: at.partition, start, end },
  })
}
