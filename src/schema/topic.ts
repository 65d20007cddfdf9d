import type { StandardSchemaV1 } from '@standard-schema/spec'
import { HoldfastError, parseDuration, RESERVED_TOPIC_PREFIX, type Duration } from '../event/index.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'

/** Any synchronous validator that speaks Standard Schema: zod, valibot, arktype and others. */
// oxlint-disable-next-line typescript/no-explicit-any -- with `unknown` as output, a key function beside an `upcast` gets `unknown`
type Validator = StandardSchemaV1<any, any>

/** How one event type of a topic is declared: a validator alone, or a validator with more. */
export type EventDeclaration =
  | Validator
  | {
      readonly schema: Validator
      /** Version of the schema, from 1. Defaults to 1. */
      readonly version?: number
      /** Fields that hold personal data. The topic must then have a retention and cannot be compacted. */
      readonly pii?: readonly string[]
      /** From an older version's data to that of the next version, by the older version's number. */
      // oxlint-disable-next-line typescript/no-explicit-any -- old data has no type any more
      readonly upcast?: Readonly<Record<number, (old: any) => unknown>>
    }

/** Read from the one member that carries it: inferring through the whole interface gives `unknown` beside `upcast`. */
type Output<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer O } | undefined }
}
  ? O
  : never
type PayloadOf<D> = D extends { readonly schema: infer S } ? Output<S> : Output<D>
type Payloads<E> = { [K in keyof E]: PayloadOf<E[K]> }
/** Fields that all events have. */
type Common<E> = keyof Payloads<E>[keyof E] & string

/** Names of fields that all events have, or a function of the event. */
export type KeyOf<E> = Common<E> | readonly Common<E>[] | ((event: Payloads<E>[keyof E]) => string)

interface TopicOptions {
  /** Order holds within a key, and a key lives in one partition; more partitions, more parallel owners. Defaults to 8. */
  readonly partitions?: number
  /** How long events are kept, for example `'30d'`. Defaults to `'7d'`; required when an event has `pii`. */
  readonly retain?: Duration
  /** Bytes kept for each partition; the oldest go first. Defaults to no limit. */
  readonly retainBytes?: number
}

/**
 * A topic is a value: import it, rename it, go to its definition. It carries the names, schemas and key of its events,
 * and everything else (types, validation, routing) follows from it.
 */
export interface Topic<Name extends string, E, Keyed extends boolean> {
  readonly name: Name
  readonly partitions: number
  readonly retainMs: number
  /** Whether `retain` was named, or is the default of 7 days. */
  readonly retainChosen: boolean
  readonly retainBytes: number | undefined
  readonly keyed: Keyed
  readonly types: ReadonlyMap<string, EventType>
  /**
   * The key of an event's data, undefined for a topic without a key. Throws `KEY_INVALID` when it comes out empty or
   * missing: such an event is never put anywhere by chance.
   */
  keyOf(data: unknown): string | undefined
  /** Carries the types only. */
  readonly $events?: E
}

/** One event type of a topic, ready to use. */
export interface EventType {
  readonly type: string
  readonly version: number
  readonly pii: readonly string[]
  /** The oldest version that can still be read: the first that has an upcast, or the current one. */
  readonly oldest: number
  /** What its validator takes. Undefined when the validator gives no JSON Schema. */
  jsonSchema(): JsonSchema | undefined
  /** Checks data of the current version. */
  check(data: unknown): Checked
  /** Brings data of an older version up to the current one, then checks it. */
  read(version: number, data: unknown): Checked | { readonly kind: 'unknown-version' }
}

export type Checked =
  | { readonly kind: 'valid'; readonly data: unknown }
  | { readonly kind: 'invalid'; readonly issues: readonly Issue[] }

export interface Issue {
  /** JSON pointer (RFC 6901) to the field, empty for the whole. */
  readonly pointer: string
  readonly message: string
}

// oxlint-disable-next-line typescript/no-explicit-any -- any topic, whatever its events
export type AnyTopic = Topic<string, any, boolean>

/** The payload type of event `K` of topic `T`. */
export type EventOf<T, K extends string> =
  T extends Topic<string, infer E, boolean> ? (K extends keyof E ? PayloadOf<E[K]> : never) : never

type List<T> = T extends readonly AnyTopic[] ? T[number] : T
type EventsOf<T> = List<T> extends infer U ? (U extends Topic<string, infer E, boolean> ? E : never) : never
/** Event types of a topic or of several. */
export type TypesOf<T> = EventsOf<T> extends infer E ? (E extends unknown ? keyof E & string : never) : never
/** Payload of type `K` in a topic or in several. */
export type DataOf<T, K extends string> =
  EventsOf<T> extends infer E
    ? E extends unknown
      ? K extends keyof E
        ? PayloadOf<E[K]>
        : never
      : never
    : never
/** Whether every topic of `T` has a key. */
export type AllKeyed<T> = false extends (
  List<T> extends infer U ? (U extends Topic<string, infer _, infer K> ? K : never) : never
)
  ? false
  : true

/**
 * Declares a topic.
 *
 * Throws `CONFIG_INVALID` for a name outside `[a-zA-Z0-9._-]` or one that begins with `hf.`, an event without a
 * validator, a version below 1, `pii` without `retain`, and an `upcast` that leaves a version out.
 */
export function topic<const Name extends string, const E extends Readonly<Record<string, EventDeclaration>>>(
  name: Name,
  declaration: TopicOptions & { readonly events: E; readonly key: NoInfer<KeyOf<E>> },
): Topic<Name, E, true>
export function topic<const Name extends string, const E extends Readonly<Record<string, EventDeclaration>>>(
  name: Name,
  declaration: TopicOptions & { readonly events: E; readonly key?: undefined },
): Topic<Name, E, false>
export function topic(
  name: string,
  declaration: TopicOptions & {
    readonly events: Readonly<Record<string, EventDeclaration>>
    readonly key?: KeyDeclaration | undefined
  },
): AnyTopic {
  const refuse = (detail: string): never => {
    throw new HoldfastError('CONFIG_INVALID', { detail: `topic ${JSON.stringify(name)}: ${detail}` })
  }
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(name))
    refuse('the name must be 1 to 200 of the characters a-z A-Z 0-9 . _ -')
  if (name.startsWith(RESERVED_TOPIC_PREFIX))
    refuse(`names that begin with ${RESERVED_TOPIC_PREFIX} are reserved`)
  const partitions = declaration.partitions ?? 8
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024) {
    refuse(`partitions must be a whole number from 1 to 1024, got ${partitions}`)
  }
  const retainBytes = declaration.retainBytes
  if (retainBytes !== undefined && !(Number.isInteger(retainBytes) && retainBytes > 0)) {
    refuse(`retainBytes must be a whole number above 0, got ${retainBytes}`)
  }
  const types = new Map<string, EventType>()
  for (const [type, event] of Object.entries(declaration.events)) {
    const declared = eventType(type, event, refuse)
    if (declared.pii.length > 0 && declaration.retain === undefined) {
      refuse(
        `event ${type} has pii (${declared.pii.join(', ')}), so the topic must name how long it is kept: retain: '30d'`,
      )
    }
    types.set(type, declared)
  }
  if (types.size === 0) refuse('events is empty: name at least one event with its validator')
  const keyOf = keyFunction(name, declaration.key)
  return Object.freeze({
    name,
    partitions,
    retainMs: parseDuration(declaration.retain ?? '7d', `topic ${name}: retain`),
    retainChosen: declaration.retain !== undefined,
    retainBytes,
    keyed: declaration.key !== undefined,
    types,
    keyOf,
  })
}

/**
 * The record key of an event: its own key below its tenant, so that two tenants never share a key. Tenant names hold
 * no `/`.
 */
export function recordKey(of: AnyTopic, data: unknown, tenant: string | undefined): string | undefined {
  const key = of.keyOf(data)
  return key === undefined || tenant === undefined ? key : `${tenant}/${key}`
}

// oxlint-disable-next-line typescript/no-explicit-any -- the overloads above give it its type
type KeyDeclaration = string | readonly string[] | ((event: any) => string)

function keyFunction(name: string, key: KeyDeclaration | undefined): (data: unknown) => string | undefined {
  if (key === undefined) return () => undefined
  if (typeof key === 'function') {
    return data => {
      let value: unknown
      try {
        value = key(data)
      } catch (cause) {
        throw new HoldfastError('KEY_INVALID', { detail: `the key function of topic ${name} threw`, cause })
      }
      return keyPart(name, 'the key function', value)
    }
  }
  const fields = typeof key === 'string' ? [key] : key
  return data => {
    const from = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>
    // Escaped, so that ('a/b', 'c') and ('a', 'b/c') are two keys.
    return fields
      .map(field => keyPart(name, `field ${field}`, Object.hasOwn(from, field) ? from[field] : undefined))
      .map(part => (fields.length === 1 ? part : part.replaceAll('%', '%25').replaceAll('/', '%2F')))
      .join('/')
  }
}

function keyPart(name: string, what: string, value: unknown): string {
  const usable =
    typeof value === 'string' ? value !== '' : typeof value === 'number' && Number.isFinite(value)
  if (!usable) {
    throw new HoldfastError('KEY_INVALID', {
      detail: `topic ${name}: ${what} gives ${JSON.stringify(value) ?? 'nothing'}`,
    })
  }
  return String(value)
}

function eventType(
  type: string,
  declaration: EventDeclaration,
  refuse: (detail: string) => never,
): EventType {
  if (type === '' || type.length > 200)
    refuse(`an event type must have 1 to 200 characters, got ${JSON.stringify(type)}`)
  const {
    schema,
    version = 1,
    pii = [],
    upcast = {},
  } = '~standard' in declaration ? { schema: declaration } : declaration
  if (typeof schema?.['~standard']?.validate !== 'function') {
    refuse(`event ${type} has no validator that speaks Standard Schema (zod, valibot, arktype)`)
  }
  if (!Number.isInteger(version) || version < 1)
    refuse(`event ${type}: version must be a whole number from 1, got ${version}`)
  for (const from of Object.keys(upcast).map(Number)) {
    if (!Number.isInteger(from) || from < 1 || from >= version) {
      refuse(`event ${type}: upcast from version ${from} leads nowhere, the current version is ${version}`)
    }
  }
  // Lets old versions be read from some version on; a hole between would make a version unreadable.
  const oldest = Math.min(version, ...Object.keys(upcast).map(Number))
  for (let v = oldest; v < version; v++)
    if (!upcast[v]) refuse(`event ${type}: upcast from version ${v} is missing`)

  const check = (data: unknown): Checked => {
    const result = schema['~standard'].validate(data)
    if (result instanceof Promise) {
      void result.catch(() => {}) // its answer is not waited for: async validators are refused
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `the validator of event ${type} is asynchronous; look-ups belong into a consumer, not into a schema`,
      })
    }
    return result.issues
      ? {
          kind: 'invalid',
          issues: result.issues.map(issue => ({ pointer: pointer(issue.path), message: issue.message })),
        }
      : { kind: 'valid', data: result.value }
  }
  return {
    type,
    version,
    pii,
    oldest,
    jsonSchema: () => jsonSchemaOf(schema),
    check,
    read(from, data) {
      if (from > version || from < oldest) return { kind: 'unknown-version' }
      let current = data
      for (let v = from; v < version; v++) current = upcast[v]?.(current)
      return check(current)
    },
  }
}

function pointer(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[] | undefined): string {
  return (path ?? [])
    .map(segment => String(typeof segment === 'object' ? segment.key : segment))
    .map(part => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}
