import { HoldfastError } from './errors.ts'
import { RESERVED_HEADER_PREFIX, type LogRecord, type NewRecord } from './record.ts'

/**
 * What travels: the attributes of CloudEvents 1.0 with the extensions that Holdfast gives a meaning, and the payload
 * as the bytes that were received. Nothing on the way serialises them again, so large integers, `1.10` and repeated
 * names survive.
 */
export interface Envelope {
  readonly id: string
  /** Together with `id` it names the event: the same pair twice is the same event. */
  readonly source: string
  readonly type: string
  /** Version of the type's schema. Absent on the wire means 1. */
  readonly version: number
  /** When it happened, RFC 3339, as the sender gave it. */
  readonly time: string | undefined
  readonly subject?: string | undefined
  /** Media type of `data`. Absent means JSON. */
  readonly datacontenttype?: string | undefined
  readonly dataschema?: string | undefined
  readonly tenant?: string | undefined
  /** The id of the first event or request of the story that this event belongs to. */
  readonly correlationId?: string | undefined
  /** The id of the event that this one was made from. */
  readonly causationId?: string | undefined
  /** W3C Trace Context. */
  readonly traceparent?: string | undefined
  /**
   * When Holdfast took the event in, milliseconds since 1970. Written once at the door and the same on every
   * redelivery, retry, replay and migration; the inbox counts its days by it.
   */
  readonly acceptedAt: number
  /** Other extension attributes, by lower-case name. */
  readonly extensions: Readonly<Record<string, string>>
  readonly key: string | undefined
  readonly data: Uint8Array | null
}

const ACCEPTED_AT = `${RESERVED_HEADER_PREFIX}at`

/** In which headers of a record ids of events stand: its own, that of its cause, and that of the first of its story. */
export const idHeaders = {
  id: 'ce_id',
  causationId: 'ce_causationid',
  correlationId: 'ce_correlationid',
} as const

/** Attribute in the envelope → header in the log (CloudEvents Kafka protocol binding 1.0, binary mode). */
const optionalAttributes = [
  ['time', 'ce_time'],
  ['subject', 'ce_subject'],
  ['datacontenttype', 'content-type'],
  ['dataschema', 'ce_dataschema'],
  ['tenant', 'ce_tenant'],
  ['correlationId', 'ce_correlationid'],
  ['causationId', 'ce_causationid'],
  ['traceparent', 'ce_traceparent'],
] as const satisfies readonly (readonly [keyof Envelope, string])[]

const ownHeaders = new Set<string>([
  'ce_specversion',
  'ce_id',
  'ce_source',
  'ce_type',
  'ce_schemaversion',
  ...optionalAttributes.map(([, header]) => header),
])

/** CloudEvents attribute names: lower-case letters and digits. */
const attributeName = /^[a-z0-9]+$/

/** The record of an envelope: attributes as headers, payload as the value, untouched. */
export function encodeEvent(event: Envelope): NewRecord {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    [ACCEPTED_AT]: String(event.acceptedAt),
  }
  if (event.version !== 1) headers['ce_schemaversion'] = String(event.version)
  for (const [attribute, header] of optionalAttributes) {
    const value = event[attribute]
    if (value !== undefined) headers[header] = value
  }
  for (const [name, value] of Object.entries(event.extensions)) {
    if (attributeName.test(name) && !ownHeaders.has(`ce_${name}`)) headers[`ce_${name}`] = value
  }
  return { key: event.key, value: event.data, headers }
}

/**
 * The envelope of a record. Throws `EVENT_UNDECODABLE` when an attribute that CloudEvents requires is missing; the
 * record's own bytes are then what a dead letter keeps.
 */
export function decodeEvent(record: LogRecord): Envelope {
  const { headers } = record
  return {
    id: required(record, 'ce_id'),
    source: required(record, 'ce_source'),
    type: required(record, 'ce_type'),
    version: versionOf(record),
    time: headers['ce_time'],
    subject: headers['ce_subject'],
    datacontenttype: headers['content-type'],
    dataschema: headers['ce_dataschema'],
    tenant: headers['ce_tenant'],
    correlationId: headers['ce_correlationid'],
    causationId: headers['ce_causationid'],
    traceparent: headers['ce_traceparent'],
    acceptedAt: acceptTimeOf(record),
    extensions: extensionsOf(headers),
    key: record.key,
    data: record.value,
  }
}

/** Of a record that need not be an event; one that carries no accept time has that of its append. */
export function acceptTimeOf({ headers, timestamp }: LogRecord): number {
  const acceptedAt = Number(headers[ACCEPTED_AT])
  return Number.isSafeInteger(acceptedAt) && acceptedAt > 0 ? acceptedAt : timestamp
}

/** The record as if it had been taken in at another time. */
export function acceptedAgain(record: LogRecord, at: number): LogRecord {
  return { ...record, headers: { ...record.headers, [ACCEPTED_AT]: String(at) } }
}

function versionOf(record: LogRecord): number {
  const text = record.headers['ce_schemaversion']
  if (text === undefined) return 1
  const version = Number(text)
  if (Number.isSafeInteger(version) && version >= 1) return version
  throw undecodable(record, `ce_schemaversion is ${JSON.stringify(text)}, not a whole number`)
}

const NO_EXTENSIONS: Envelope['extensions'] = Object.freeze({})

function extensionsOf(headers: LogRecord['headers']): Envelope['extensions'] {
  let extensions: Record<string, string> | undefined
  for (const name in headers) {
    if (ownHeaders.has(name) || !name.startsWith('ce_')) continue
    extensions ??= {}
    extensions[name.slice(3)] = headers[name] ?? ''
  }
  return extensions ?? NO_EXTENSIONS
}

function required(record: LogRecord, header: string): string {
  const value = record.headers[header]
  if (value === undefined || value === '') throw undecodable(record, `header ${header} is missing`)
  return value
}

function undecodable(record: LogRecord, reason: string): HoldfastError {
  return new HoldfastError('EVENT_UNDECODABLE', {
    detail: `${record.topic}/${record.partition} offset ${record.offset}: ${reason}`,
  })
}
