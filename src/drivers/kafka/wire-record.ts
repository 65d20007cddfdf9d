import type { LogRecord, NewRecord, TopicPartition } from '../../event/index.ts'
import { offset } from '../../event/index.ts'
import { recordBytes } from '../../log/index.ts'
import type { Reply } from './link.ts'

/** A record as it is sent. Its buffers are copies: whoever appends may use theirs again. */
export interface WireRecord {
  readonly key: Buffer | undefined
  readonly value: Buffer | null
  readonly headers: Map<Buffer, Buffer>
}

export function encode({ key, value, headers }: NewRecord): WireRecord {
  return {
    key: key === undefined ? undefined : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
  }
}

/** The most that a record takes in a batch, which is not compressed: what a broker compares with `max.message.bytes`. */
export function wireBytes(record: NewRecord): number {
  return recordBytes(record) + overheadBytes(Object.keys(record.headers).length)
}

/** Of a record with so many headers, at most: attributes, and lengths and deltas as varints. */
function overheadBytes(headers: number): number {
  return 36 + 10 * headers
}

/** The head of a batch. */
export const BATCH_BYTES = 61

type Partition = Reply<'Fetch'>['responses'][number]['partitions'][number]

/** Records of a fetched partition from `from` on, and where to read on: after the last batch, whatever it held. */
export function decode(
  tp: TopicPartition,
  batches: Partition['records'],
  from: bigint,
): { readonly records: LogRecord[]; readonly next: bigint } {
  const records: LogRecord[] = []
  let next = from
  for (const batch of batches ?? []) {
    const end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
    if (end > next) next = end
    if ((batch.attributes & CONTROL) !== 0) continue // marks of transactions
    const isAppendTime = (batch.attributes & LOG_APPEND_TIME) !== 0
    for (const { key, value, headers, offsetDelta, timestampDelta } of batch.records) {
      const at = batch.firstOffset + BigInt(offsetDelta)
      if (at < from) continue // a batch is sent whole
      records.push({
        ...tp,
        offset: offset(at),
        key: key === null ? undefined : key.toString(),
        // A copy: what was fetched is one buffer, which one record would keep whole, and readers share it.
        value: value === null ? null : Buffer.from(value),
        headers: Object.fromEntries(headers.map(([name, text]) => [String(name ?? ''), String(text ?? '')])),
        timestamp: Number(isAppendTime ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
      })
    }
  }
  return { records, next }
}

const LOG_APPEND_TIME = 0b1000
const CONTROL = 0b10_0000
