import { hash } from 'node:crypto'
import type { SinkRecord } from '../../sink/index.ts'
import { DAY_MS } from './options.ts'

/** A row of the inbox: the day of the accept time, and the id. */
export interface InboxRow {
  readonly bucket: number
  readonly id: string
}

export type RecordPlan =
  /** `rows` of the inbox belong to it; it is new when every one of them was not there. */
  | { readonly kind: 'own'; readonly rows: readonly InboxRow[] }
  /** The same event as the earlier record `as` of this call. Its further rows are in `rows`. */
  | { readonly kind: 'same'; readonly as: number; readonly rows: readonly InboxRow[] }
  /** Its day was pruned. */
  | { readonly kind: 'expired' }

export function bucketOf(acceptedAt: number): number {
  return Math.floor(acceptedAt / DAY_MS)
}

/**
 * Which inbox rows the records of one call need, and which records are the same event twice. It answers as if the
 * records were applied one after the other.
 *
 * A record accepted in the first `retryWindowMs` of a day has a row in the day before as well. So two records of one
 * id, accepted at most that far apart, always have a row in common, and the primary key decides between them, also
 * when they run at the same time: looking whether the other day has the id would miss a row not yet committed.
 */
export function planInbox(
  records: readonly Pick<SinkRecord, 'source' | 'id' | 'acceptedAt'>[],
  options: { readonly retryWindowMs: number; readonly pruned: ReadonlySet<number> },
): RecordPlan[] {
  /** Of each day the ids, with the first record of this call that has them. */
  const claimed = new Map<number, Map<string, number>>()
  const claimedOn = (bucket: number): Map<string, number> => {
    const ids = claimed.get(bucket) ?? new Map<string, number>()
    claimed.set(bucket, ids)
    return ids
  }
  return records.map((record, index): RecordPlan => {
    const bucket = bucketOf(record.acceptedAt)
    if (options.pruned.has(bucket)) return { kind: 'expired' }
    const id = inboxId(record.source, record.id)
    const early = record.acceptedAt - bucket * DAY_MS < options.retryWindowMs
    // A pruned day before cannot answer any more; the record's own day still answers for its redelivery.
    const rows: InboxRow[] = [{ bucket, id }]
    if (early && !options.pruned.has(bucket - 1)) rows.unshift({ bucket: bucket - 1, id })
    const earlier = rows.map(row => claimedOn(row.bucket).get(id)).find(owner => owner !== undefined)
    const free = earlier === undefined ? rows : rows.filter(row => !claimedOn(row.bucket).has(id))
    for (const row of free) claimedOn(row.bucket).set(id, earlier ?? index)
    return earlier === undefined ? { kind: 'own', rows } : { kind: 'same', as: earlier, rows: free }
  })
}

export function rowKey(row: InboxRow): string {
  return `${row.bucket}/${row.id}`
}

/** The first 16 bytes of a SHA-256, written as PostgreSQL writes a uuid. */
export function inboxId(source: string, id: string): string {
  const hex = hash('sha256', `${source}\n${id}`)
  const part = (from: number, to: number): string => hex.slice(from, to)
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`
}
