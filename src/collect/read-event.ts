import { isUtf8 } from 'node:buffer'
import type { CollectorLimits } from './limits.ts'
import { sliceDocument, sliceMember, type Span } from './json-slice.ts'
import type { Problem, ProblemCode } from './problems.ts'
import { attributeFault, idFault, poisonsObjects, unstorableEscape } from './text-rules.ts'

/**
 * How one event is written.
 * `plain`: `{"type":"click","data":{…}}` with optional id, time, source, subject, version, correlationId, causationId.
 * `cloudevents`: a structured CloudEvent 1.0; the payload is `data`, or the bytes of `data_base64`.
 * `flat`: `{"type":"click","campaignId":"c1"}`. The payload is the whole object as it came, so the schema sees `type`,
 * `id` and `time` too and should leave them out or let them pass.
 */
export type EventForm = 'plain' | 'cloudevents' | 'flat'

/** One event as it came in, not yet held against a topic. */
export interface IncomingEvent {
  /** Undefined when the sender left it out. */
  readonly id: string | undefined
  readonly type: string
  readonly source: string | undefined
  /** Version of the type's schema that the payload has. 1 when the sender left it out. */
  readonly version: number
  readonly time: string | undefined
  readonly subject: string | undefined
  readonly datacontenttype: string | undefined
  readonly dataschema: string | undefined
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  readonly traceparent: string | undefined
  readonly extensions: Readonly<Record<string, string>>
  /** The payload as received, copied out of the body. */
  readonly payload: Uint8Array
  /** The payload, parsed: for checks and routing only. */
  readonly data: unknown
}

export type ReadEvent =
  | { readonly kind: 'event'; readonly event: IncomingEvent }
  | { readonly kind: 'refused'; readonly problem: Problem; readonly id: string | undefined }

export interface ReadRules {
  readonly form: EventForm
  /** Of every `flat` event; undefined: the member `type` says it. */
  readonly type?: string | undefined
  readonly limits: Pick<CollectorLimits, 'maxEventBytes' | 'maxDepth'>
  /** `pass` takes `\u0000` and halves of surrogate pairs, which PostgreSQL refuses as `jsonb`. */
  readonly unstorableText: 'refuse' | 'pass'
}

/** Attributes that the flat and plain forms share with CloudEvents, by the name that each form gives them. */
const plainNames = new Set([
  'type',
  'id',
  'time',
  'source',
  'subject',
  'version',
  'correlationId',
  'causationId',
  'traceparent',
  'data',
])
const cloudEventNames = new Set([
  'specversion',
  'type',
  'id',
  'time',
  'source',
  'subject',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
  'schemaversion',
  'correlationid',
  'causationid',
  'traceparent',
  // Ours: given by the key and by the topic, never by the sender.
  'tenant',
  'key',
])

const MAX_TYPE = 200
const MAX_ATTRIBUTE = 1024
const MAX_EXTENSIONS = 32

/** Reads the event at `span` of a body that is UTF-8. */
export function readEvent(body: Buffer, span: Span, rules: ReadRules): ReadEvent {
  const reader = new EventReader()
  const event = reader.read(body, span, rules)
  return event ? { kind: 'event', event } : { kind: 'refused', problem: reader.problem, id: reader.id }
}

class EventReader {
  problem: Problem = { code: 'event_invalid', detail: 'the event cannot be read' }
  /** Known as early as possible, so that a refusal can name the event. */
  id: string | undefined

  read(body: Buffer, span: Span, rules: ReadRules): IncomingEvent | undefined {
    const { limits } = rules
    if (span.end - span.start > limits.maxEventBytes)
      return this.#refuse(
        'event_too_large',
        `the event has ${span.end - span.start} bytes`,
        limits.maxEventBytes,
      )
    const value = this.#parse(body, span, rules)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.#refuse('event_invalid', 'an event must be a JSON object')
    const members = value as Record<string, unknown>
    if (!this.#readId(members)) return undefined
    switch (rules.form) {
      case 'plain':
        return this.#plain(body, span, members)
      case 'cloudevents':
        return this.#cloudEvent(body, span, members, rules)
      case 'flat':
        return this.#flat(body, span, members, rules)
    }
  }

  /** The parsed value of a span within the limits; undefined after a refusal, which a value never is. */
  #parse(body: Buffer, span: Span, { limits, unstorableText }: ReadRules): unknown {
    if (span.depth > limits.maxDepth)
      return this.#refuse('too_deep', `the event nests ${span.depth} deep`, limits.maxDepth)
    const text = body.toString('utf8', span.start, span.end)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return this.#refuse('malformed_json', `${(error as Error).message} (from byte ${span.start})`)
    }
    if (poisonsObjects(value, text))
      return this.#refuse('name_forbidden', 'a member is called __proto__, or prototype below constructor')
    const unstorable =
      unstorableText === 'refuse' && text.includes('\\')
        ? unstorableEscape(body.subarray(span.start, span.end))
        : undefined
    if (unstorable)
      return this.#refuse(
        'text_unstorable',
        unstorable === 'nul' ? 'a string holds \\u0000' : 'a string holds half a surrogate pair',
      )
    return value
  }

  #plain(body: Buffer, span: Span, members: Record<string, unknown>): IncomingEvent | undefined {
    for (const name of Object.keys(members)) {
      if (plainNames.has(name)) continue
      const hint =
        name === 'specversion'
          ? '; send CloudEvents as application/cloudevents+json'
          : '; the payload belongs into data'
      return this.#refuse('event_invalid', `member ${shown(name)} is not known here${hint}`)
    }
    const data = sliceMember(body, span, 'data')
    if (!data) return this.#refuse('event_invalid', 'member data is missing: it holds the payload')
    return this.#event(members, {
      version: this.#version(members['version']),
      source: this.#text(members, 'source'),
      subject: this.#text(members, 'subject'),
      correlationId: this.#text(members, 'correlationId', 128),
      causationId: this.#text(members, 'causationId', 128),
      traceparent: this.#text(members, 'traceparent'),
      payload: copyOf(body, data),
      data: members['data'],
    })
  }

  #flat(
    body: Buffer,
    span: Span,
    members: Record<string, unknown>,
    { type }: ReadRules,
  ): IncomingEvent | undefined {
    const named = type === undefined ? members : { ...members, type }
    return this.#event(named, { version: 1, payload: copyOf(body, span), data: members })
  }

  #cloudEvent(
    body: Buffer,
    span: Span,
    members: Record<string, unknown>,
    rules: ReadRules,
  ): IncomingEvent | undefined {
    if (members['specversion'] !== '1.0')
      return this.#refuse('event_invalid', 'member specversion must be "1.0"')
    for (const required of ['id', 'source'])
      if (members[required] === undefined)
        return this.#refuse('event_invalid', `member ${required} is missing`)
    const contentType = this.#text(members, 'datacontenttype')
    if (contentType !== undefined && !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType))
      return this.#refuse('event_invalid', `datacontenttype ${shown(contentType)} is not JSON`)
    const payload = this.#cloudEventPayload(body, span, members, rules)
    const extensions = this.#extensions(members)
    if (!payload || !extensions) return undefined
    return this.#event(members, {
      ...payload,
      version: this.#version(members['schemaversion']),
      source: this.#text(members, 'source'),
      subject: this.#text(members, 'subject'),
      datacontenttype: contentType,
      dataschema: this.#text(members, 'dataschema'),
      correlationId: this.#text(members, 'correlationid', 128),
      causationId: this.#text(members, 'causationid', 128),
      traceparent: this.#text(members, 'traceparent'),
      extensions,
    })
  }

  #cloudEventPayload(
    body: Buffer,
    span: Span,
    members: Record<string, unknown>,
    rules: ReadRules,
  ): { payload: Uint8Array; data: unknown } | undefined {
    const encoded = members['data_base64']
    const data = sliceMember(body, span, 'data')
    if (encoded === undefined) {
      if (!data) return this.#refuse('event_invalid', 'member data is missing: it holds the payload')
      return { payload: copyOf(body, data), data: members['data'] }
    }
    if (data) return this.#refuse('event_invalid', 'data and data_base64 exclude each other')
    if (typeof encoded !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded) || encoded.length % 4 !== 0)
      return this.#refuse('event_invalid', 'data_base64 is not base64')
    const payload = Buffer.from(encoded, 'base64')
    const sliced = sliceDocument(payload, payload.length)
    if (!isUtf8(payload) || sliced.kind === 'malformed' || sliced.kind === 'too-many')
      return this.#refuse('event_invalid', 'data_base64 does not hold JSON')
    const depth =
      sliced.kind === 'one' ? sliced.span.depth : 1 + Math.max(0, ...sliced.spans.map(s => s.depth))
    const value = this.#parse(payload, { start: 0, end: payload.length, depth }, rules)
    return value === undefined ? undefined : { payload, data: value }
  }

  /** What all forms share. Undefined when an attribute was refused on the way. */
  #event(
    members: Record<string, unknown>,
    own: Pick<IncomingEvent, 'payload' | 'data'> & { version: number | undefined } & Partial<
        Omit<IncomingEvent, 'version'>
      >,
  ): IncomingEvent | undefined {
    const type = members['type']
    if (typeof type !== 'string') return this.#refuse('event_invalid', 'member type must be a string')
    const typeFault = attributeFault(type, MAX_TYPE)
    if (typeFault) return this.#refuse('event_invalid', `member type: ${typeFault}`)
    const time = this.#time(members['time'])
    if (this.#refused || own.version === undefined) return undefined
    return {
      id: this.id,
      type,
      time,
      source: own.source,
      version: own.version,
      subject: own.subject,
      datacontenttype: own.datacontenttype,
      dataschema: own.dataschema,
      correlationId: own.correlationId,
      causationId: own.causationId,
      traceparent: own.traceparent,
      extensions: own.extensions ?? {},
      payload: own.payload,
      data: own.data,
    }
  }

  #readId(members: Record<string, unknown>): boolean {
    const id = Object.hasOwn(members, 'id') ? members['id'] : undefined
    if (id === undefined) return true
    const fault =
      typeof id === 'string' ? idFault(id) : `it is ${id === null ? 'null' : `a ${typeof id}`}, not a string`
    if (fault === undefined) {
      this.id = id as string
      return true
    }
    this.#refuse('id_invalid', `member id: ${fault}`)
    return false
  }

  /** An optional attribute; undefined when it is absent or was refused. */
  #text(
    members: Record<string, unknown>,
    name: string,
    maxLength: number = MAX_ATTRIBUTE,
  ): string | undefined {
    const value = members[name]
    if (value === undefined || value === null) return undefined
    const fault = typeof value === 'string' ? attributeFault(value, maxLength) : 'it is not a string'
    return fault === undefined ? (value as string) : this.#refuse('event_invalid', `member ${name}: ${fault}`)
  }

  #time(value: unknown): string | undefined {
    if (value === undefined || value === null) return undefined
    const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/
    if (typeof value === 'string' && rfc3339.test(value) && !Number.isNaN(Date.parse(value))) return value
    return this.#refuse(
      'event_invalid',
      `member time: ${shown(value)} is not an RFC 3339 time such as 2026-01-31T08:30:00Z`,
    )
  }

  #version(value: unknown): number | undefined {
    if (value === undefined) return 1
    // CloudEvents extensions may be written as strings.
    const version = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
    if (typeof version === 'number' && Number.isSafeInteger(version) && version >= 1) return version
    return this.#refuse(
      'event_invalid',
      `the schema version must be a whole number from 1, got ${shown(value)}`,
    )
  }

  #extensions(members: Record<string, unknown>): Record<string, string> | undefined {
    const extensions: Record<string, string> = {}
    let count = 0
    for (const [name, value] of Object.entries(members)) {
      if (cloudEventNames.has(name) || value === null) continue
      if (!/^[a-z0-9]{1,64}$/.test(name))
        return this.#refuse('event_invalid', `${shown(name)} is not an attribute name: a to z and 0 to 9`)
      if (++count > MAX_EXTENSIONS)
        return this.#refuse('event_invalid', `an event has at most ${MAX_EXTENSIONS} extension attributes`)
      const text = typeof value === 'boolean' || Number.isInteger(value) ? JSON.stringify(value) : value
      const fault =
        typeof text === 'string'
          ? attributeFault(text, MAX_ATTRIBUTE)
          : 'it is no string, whole number or boolean'
      if (fault !== undefined) return this.#refuse('event_invalid', `attribute ${name}: ${fault}`)
      extensions[name] = text as string
    }
    return extensions
  }

  #refused = false

  /** Keeps the first reason. */
  #refuse(code: ProblemCode, detail: string, limit?: number): undefined {
    if (!this.#refused) this.problem = limit === undefined ? { code, detail } : { code, detail, limit }
    this.#refused = true
    return undefined
  }
}

/** A copy of its own: a slice would keep the whole body, and the socket's buffer, alive in a log in memory. */
function copyOf(body: Buffer, span: Span): Uint8Array {
  return Buffer.from(body.subarray(span.start, span.end))
}

/** A sender's value in a message, short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
