import type { LogRecord, TopicPartition } from '../../event/index.ts'
import { offset } from '../../event/index.ts'
import type { Reply } from './link.ts'

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
