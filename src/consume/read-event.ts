import { decodeEvent, isHoldfastError, type Envelope, type LogRecord } from '../event/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Received } from './handlers.ts'
import type { GroupSettings, Handler } from './settings.ts'

/**
 * What is to be done with a record. Reading it is guarded: whatever its bytes are, the answer is one of these and
 * never a throw, so one bad record cannot stop the loop.
 */
export type Reading =
  | { readonly kind: 'handle'; readonly event: Received; readonly handler: Handler }
  /** No handler for the type here. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'dead'; readonly reason: 'decode' | 'schema' | 'unhandled'; readonly error: unknown }
  /** Nobody here can know what it means: wait for a deployment that does. */
  | { readonly kind: 'pause'; readonly reason: string }

export function readEvent(record: LogRecord, topic: AnyTopic, settings: GroupSettings): Reading {
  let envelope: Envelope
  let data: unknown
  try {
    envelope = decodeEvent(record)
    data = dataOf(envelope)
  } catch (error) {
    return { kind: 'dead', reason: 'decode', error }
  }
  const type = topic.types.get(envelope.type)
  const place = `${record.topic}/${record.partition} offset ${record.offset}`
  if (!type)
    return { kind: 'pause', reason: `EVENT_TYPE_UNKNOWN: ${place} has type ${JSON.stringify(envelope.type)}` }
  const handler = settings.handlers.get(envelope.type)
  if (!handler) return unhandled(envelope.type, settings, place)
  try {
    const checked = type.read(envelope.version, data)
    if (checked.kind === 'unknown-version') {
      return {
        kind: 'pause',
        reason: `EVENT_TYPE_UNKNOWN: ${place} has ${envelope.type} version ${envelope.version}, known up to ${type.version}`,
      }
    }
    if (checked.kind === 'invalid') {
      const issues = checked.issues.map(issue => `${issue.pointer || '/'} ${issue.message}`).join('; ')
      return { kind: 'dead', reason: 'schema', error: new Error(issues) }
    }
    return { kind: 'handle', handler, event: received(envelope, record, checked.data) }
  } catch (error) {
    // A validator that answers with a promise is a mistake of the app, not of this event; a throwing one, or an
    // upcast that trips over old data, is about this event.
    if (isHoldfastError(error, 'CONFIG_INVALID')) return { kind: 'pause', reason: error.message }
    return { kind: 'dead', reason: 'schema', error }
  }
}

function unhandled(type: string, settings: GroupSettings, place: string): Reading {
  switch (settings.unhandled) {
    case 'skip':
      return { kind: 'skip' }
    case 'dead':
      return { kind: 'dead', reason: 'unhandled', error: new Error(`no handler for ${type}`) }
    case 'pause':
      return { kind: 'pause', reason: `${place} has type ${type}, which has no handler here` }
  }
}

/** JSON unless the event says that it is something else; a tombstone has `null`. */
function dataOf(envelope: Envelope): unknown {
  const { data, datacontenttype } = envelope
  if (data === null) return null
  if (datacontenttype !== undefined && !/[/+]json\b/i.test(datacontenttype)) return data
  return JSON.parse(decoder.decode(data))
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function received(envelope: Envelope, record: LogRecord, data: unknown): Received {
  const acceptedAt = new Date(envelope.acceptedAt)
  const time = envelope.time === undefined ? acceptedAt : new Date(envelope.time)
  return {
    id: envelope.id,
    source: envelope.source,
    type: envelope.type,
    version: envelope.version,
    data,
    key: envelope.key,
    tenant: envelope.tenant,
    time: Number.isNaN(time.getTime()) ? acceptedAt : time,
    acceptedAt,
    correlationId: envelope.correlationId ?? envelope.id,
    causationId: envelope.causationId,
    extensions: envelope.extensions,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    attempt: 1,
  }
}
