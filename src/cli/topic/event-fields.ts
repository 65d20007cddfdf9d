import type { LogRecord } from '../../event/index.ts'

/** What an expression of `--where` may name of a record. */
export const fieldNames = [
  'data',
  'headers',
  'key',
  'eventType',
  'topic',
  'partition',
  'offset',
  'time',
  'id',
  'source',
  'tenant',
  'correlationId',
  'causationId',
] as const

/** `data` is there for a payload that is JSON. */
export function eventFields({
  topic,
  partition,
  offset,
  timestamp,
  key,
  headers,
  value,
}: LogRecord): Readonly<Record<(typeof fieldNames)[number], unknown>> {
  return {
    topic,
    partition,
    offset: Number(offset),
    time: new Date(timestamp).toISOString(),
    key,
    headers,
    id: headers['ce_id'],
    eventType: headers['ce_type'],
    source: headers['ce_source'],
    tenant: headers['ce_tenant'],
    correlationId: headers['ce_correlationid'],
    causationId: headers['ce_causationid'],
    // Read only when it is named: most expressions name headers alone.
    get data(): unknown {
      try {
        return value === null ? undefined : (JSON.parse(Buffer.from(value).toString()) as unknown)
      } catch {
        return undefined
      }
    },
  }
}
