import { HoldfastError, type NewRecord } from '../event/index.ts'
import type { TopicSettings } from './port.ts'

/** What counts against `maxRecordBytes`: key, value, and the names and values of the headers, in bytes of UTF-8. */
export function recordBytes({ key, value, headers }: NewRecord): number {
  let bytes = (key === undefined ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0)
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '')
  return bytes
}

/** Refuses the first record that is too large, before anything of its call is written. */
export function checkRecordSizes(topic: string, records: readonly NewRecord[], maxRecordBytes: number): void {
  for (const [index, record] of records.entries()) {
    const bytes = recordBytes(record)
    if (bytes <= maxRecordBytes) continue
    throw new HoldfastError('LOG_RECORD_TOO_LARGE', {
      detail: `record ${index} for topic ${topic} has ${bytes} bytes, maxRecordBytes is ${maxRecordBytes}; nothing of this call was stored`,
      facts: { topic, index, bytes, maxRecordBytes },
    })
  }
}

/** Names as Kafka takes them, and counts that can work. Throws `CONFIG_INVALID`. */
export function checkTopic(topic: string, settings: TopicSettings): void {
  const refuse = (detail: string): never => {
    throw new HoldfastError('CONFIG_INVALID', { detail: `topic ${JSON.stringify(topic)}: ${detail}` })
  }
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(topic))
    refuse('the name must be 1 to 249 of the characters a-z A-Z 0-9 . _ -')
  const { partitions, retentionMs, retentionBytes } = settings
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024)
    refuse(`partitions must be a whole number from 1 to 1024, got ${partitions}`)
  for (const [name, value] of Object.entries({ retentionMs, retentionBytes }))
    if (value !== undefined && !(value > 0)) refuse(`${name} must be above 0, got ${value}`)
}
