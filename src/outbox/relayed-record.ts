import { encodeEvent, sha256 } from '../event/index.ts'
import type { AppendRecord } from '../log/index.ts'
import type { PlacedRow } from '../sink/index.ts'

/** Source of an event whose row was written by other software and does not name one. */
export const FOREIGN_SOURCE = '/outbox'

/**
 * The record of a row. Rows of ours carry the headers of their record. Others have the columns alone; their event was
 * accepted when the row was written, which is the same at every attempt to move it.
 */
export function relayedRecord(row: PlacedRow, deduplicates: boolean): AppendRecord {
  const value = Buffer.from(row.payload)
  const { headers } = row.headers
    ? { headers: row.headers }
    : encodeEvent({
        id: row.id,
        source: FOREIGN_SOURCE,
        type: row.type,
        version: 1,
        time: new Date(row.createdAt).toISOString(),
        correlationId: row.id,
        acceptedAt: row.createdAt,
        extensions:
          row.aggregateVersion === undefined ? {} : { aggregateversion: row.aggregateVersion.toString() },
        key: row.key,
        data: value,
      })
  const dedup = {
    scope: headers['ce_tenant'] ?? '',
    source: headers['ce_source'] ?? FOREIGN_SOURCE,
    id: row.id,
    hash: sha256(value),
  }
  return { key: row.key, headers, value, dedup: deduplicates ? dedup : undefined }
}
