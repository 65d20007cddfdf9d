import type { LogRecord } from './record.ts'

/**
 * A record as one line of JSON, which `holdfast topic produce --input jsonl` reads:
 *
 * ```text
 * {"topic":"orders","partition":0,"offset":"17","time":"2026-…","key":"ada","headers":{"ce_id":"…"},"data":{…}}
 * ```
 * A payload that is JSON stands there as it is, so that large numbers and repeated names survive; any other is `base64`.
 * Without both it is a tombstone. `more` are further members.
 */
export function recordLine(
  { topic, partition, offset, timestamp, key, headers, value }: LogRecord,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const time = new Date(timestamp).toISOString()
  const head = JSON.stringify({ ...more, topic, partition, offset: String(offset), time, key, headers })
  if (value === null) return head
  const json = jsonIn(value)
  const payload =
    json === undefined ? `"base64":"${Buffer.from(value).toString('base64')}"` : `"data":${json}`
  return `${head.slice(0, -1)},${payload}}`
}

/** The text of a payload that is JSON, on one line: line breaks stand between its parts only, never within a string. */
export function jsonIn(value: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    JSON.parse(text)
    return text.replaceAll(/[\r\n]+/g, ' ').trim()
  } catch {
    return undefined
  }
}
