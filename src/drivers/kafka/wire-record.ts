import type { LogRecord, NewRecord, TopicPartition } from '../../event/index.ts'
import { offset } from '../../event/index.ts'
import { recordBytes, type AppendRecord } from '../../log/index.ts'
import type { Reply } from './link.ts'

/** A record that may have a time of its own, when it is the copy of another; else it is stamped. */
export interface KafkaRecord extends AppendRecord {
  readonly timestamp?: number | undefined
}

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
    headers: encodeHeaders(headers),
  }
}

function encodeHeaders(headers: NewRecord['headers']): Map<Buffer, Buffer> {
  const encoded = new Map<Buffer, Buffer>()
  for (const name of Object.keys(headers)) encoded.set(encodeName(name), Buffer.from(headers[name] ?? ''))
  return encoded
}

/** Names are the same few again and again. */
const names = new Map<string, Buffer>()
const MAX_NAMES = 1_000

function encodeName(name: string): Buffer {
  let encoded = names.get(name)
  if (encoded === undefined) {
    encoded = Buffer.from(name)
    if (names.size < MAX_NAMES) names.set(name, encoded)
  }
  return encoded
}

/** The most that a record takes in a batch, which is not compressed: what a broker compares with `max.message.bytes`. */
export function wireBytes(record: NewRecord): number {
  // Beside what counts: attributes, and lengths and deltas as varints.
  return recordBytes(record) + 36 + 10 * Object.keys(record.headers).length
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
