import { hash } from 'node:crypto'
import type { Clock } from '../event/index.ts'
import type { Inbound } from './exchange.ts'
import type { ContentEncoding } from './inflate.ts'
import { RequestRefused } from './problems.ts'
import { attributeFault, idFault } from './text-rules.ts'

/** How a body is written: one JSON document, one a line, or a CloudEvent with its attributes around the data. */
export type BodyKind = 'json' | 'ndjson' | 'cloudevents'

const kinds: Readonly<Record<string, BodyKind>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/cloudevents+json': 'cloudevents',
}

export const mediaTypes: readonly string[] = Object.keys(kinds)
export const contentEncodings: readonly ContentEncoding[] = ['identity', 'gzip', 'deflate']

/** Refuses with `media_type_unsupported` what is not read here, and charsets other than UTF-8. */
export function bodyKindOf(inbound: Inbound): BodyKind {
  const header = inbound.header('content-type') ?? ''
  if (header === 'application/json') return 'json'
  const [type = '', ...parameters] = header.split(';').map(part => part.trim().toLowerCase())
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined
  const charset = parameters.find(parameter => parameter.startsWith('charset='))?.slice('charset='.length)
  if (kind && (charset === undefined || /^"?utf-?8"?$/.test(charset))) return kind
  throw new RequestRefused({
    code: 'media_type_unsupported',
    detail:
      header === '' ? 'Content-Type is missing' : `Content-Type is ${JSON.stringify(header.slice(0, 100))}`,
  })
}

/** Refuses with `encoding_unsupported` what is not unpacked here, and several encodings on top of each other. */
export function encodingOf(inbound: Inbound): ContentEncoding {
  const given = inbound.header('content-encoding')?.trim().toLowerCase() ?? 'identity'
  const encoding = contentEncodings.find(known => known === given)
  if (encoding) return encoding
  throw new RequestRefused(
    { code: 'encoding_unsupported', detail: `Content-Encoding is ${JSON.stringify(given.slice(0, 100))}` },
    { 'accept-encoding': contentEncodings.slice(1).join(', ') },
  )
}

/** The sender's clock minus ours, from `Collector-Sent-At` (RFC 3339, or milliseconds since 1970). */
export function clockSkewOf(inbound: Inbound, clock: Pick<Clock, 'now'>): number | undefined {
  const header = inbound.header('collector-sent-at')
  if (header === undefined) return undefined
  const sentAt = /^\d{1,15}$/.test(header) ? Number(header) : Date.parse(header)
  if (!Number.isNaN(sentAt)) return sentAt - clock.now()
  throw new RequestRefused({ code: 'event_invalid', detail: 'header Collector-Sent-At is not a time' })
}

/**
 * Gives events without an id one from `Idempotency-Key` and their place in the body, so that the same body sent again
 * is no second set of events.
 */
export function derivedIds(inbound: Inbound): ((index: number) => string) | undefined {
  const header = inbound.header('idempotency-key')
  if (header === undefined) return undefined
  const fault = attributeFault(header, 256)
  if (fault) throw new RequestRefused({ code: 'id_invalid', detail: `header Idempotency-Key: ${fault}` })
  return index => hash('sha256', `${header}\n${index}`, 'hex').slice(0, 32)
}

/** Headers for tracing never cost an event: what is not in their form is left out. */
export function correlationIdOf(inbound: Inbound): string | undefined {
  const id = inbound.header('x-correlation-id')
  return id === undefined || idFault(id) ? undefined : id
}

export function traceparentOf(inbound: Inbound): string | undefined {
  const header = inbound.header('traceparent')
  return header !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header)
    ? header
    : undefined
}
