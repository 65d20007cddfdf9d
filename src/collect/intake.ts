import { encodeEvent, isHoldfastError, newEventId, sha256, type Clock, type Random } from '../event/index.ts'
import type { AppendRecord } from '../log/index.ts'
import { recordKey, type AnyTopic } from '../schema/index.ts'
import { askAccept, type AcceptCheck } from './accept.ts'
import type { Appender, Taken } from './appender.ts'
import type { Lease } from './in-flight.ts'
import type { Key } from './keys.ts'
import type { CollectObserver } from './observer.ts'
import type { Problem } from './problems.ts'
import type { IncomingEvent, ReadEvent } from './read-event.ts'
import { receiptOf } from './receipts.ts'

/** What became of one event, in request order. */
export type EventResult =
  | {
      readonly kind: 'accepted'
      readonly id: string
      readonly receipt: string
      readonly duplicate: boolean
      /** It is in the collector's spool, and not yet in the log. */
      readonly spooled: boolean
    }
  | { readonly kind: 'refused'; readonly id: string | undefined; readonly problem: Problem }

/** What the events of one request share. */
export interface IntakeContext {
  readonly key: Key
  /** The topic that the request names; undefined routes by type. */
  readonly topic: AnyTopic | undefined
  readonly correlationId: string | undefined
  readonly traceparent: string | undefined
  /** The sender's clock minus ours was this, milliseconds; times are corrected by it. */
  readonly clockSkewMs: number | undefined
  /** An id for the event at an index that has none of its own, the same whenever the request is sent again. */
  readonly derivedId: ((index: number) => string) | undefined
  readonly lease: Lease
}

export interface Intake {
  /** Checks and appends. Never rejects: what goes wrong is in the results. `firstIndex` is the index of the first event. */
  take(
    events: readonly ReadEvent[],
    context: IntakeContext,
    firstIndex?: number,
  ): Promise<readonly EventResult[]>
}

export interface IntakeParts {
  readonly appender: Appender
  readonly clock: Clock
  readonly observer: CollectObserver
  readonly random: Random
  readonly accept: Readonly<Record<string, AcceptCheck>>
}

/** How far ahead of our clock an event may be, after correction. */
const MAX_AHEAD_MS = 24 * 3_600_000
/** A long list of the same fault is not worth its bytes. */
const MAX_FAULTS = 20
/** Questions of one request that are open at the same time. */
const MAX_OPEN_QUESTIONS = 16

interface Prepared {
  readonly index: number
  readonly topic: AnyTopic
  readonly id: string
  readonly event: IncomingEvent
  readonly record: AppendRecord
}

export function intake(parts: IntakeParts): Intake {
  const { clock, observer, accept, appender } = parts
  return {
    async take(events, context, firstIndex = 0) {
      const acceptedAt = clock.now()
      const results: EventResult[] = Array.from({ length: events.length })
      const prepared: Prepared[] = []
      events.forEach((read, index) => {
        if (read.kind === 'refused') {
          results[index] = read
          return
        }
        const ready = prepare(parts, read.event, context, acceptedAt, index, firstIndex)
        if ('problem' in ready)
          results[index] = { kind: 'refused', id: read.event.id, problem: ready.problem }
        else prepared.push(ready)
      })
      const refuse = ({ index, id, topic, event }: Prepared, problem: Problem): void => {
        observer.rejected?.({ topic: topic.name, type: event.type, reason: problem.code })
        results[index] = { kind: 'refused', id, problem }
      }
      const taken = prepared.some(({ topic }) => Object.hasOwn(accept, topic.name))
        ? await askAll(parts, prepared, context, refuse)
        : prepared
      const appends = byTopic(taken).map(({ topic, events }) => {
        const records = events.map(({ record }) => record)
        return { events, outcomes: appender.append(topic.name, records, context.lease) }
      })
      for (const { events, outcomes } of appends) {
        const stored = await outcomes
        events.forEach(({ index, id }, i) => (results[index] = resultOf(id, stored[i])))
      }
      return results
    },
  }
}

/** Holds an event against its topic and makes its record. */
function prepare(
  { clock, random, observer }: IntakeParts,
  event: IncomingEvent,
  context: IntakeContext,
  acceptedAt: number,
  index: number,
  firstIndex: number,
): Prepared | { readonly problem: Problem } {
  const { key } = context
  const topic = context.topic ?? key.routes.get(event.type)
  const type = topic?.types.get(event.type)
  if (!topic || !type) {
    observer.rejected?.({ topic: topic?.name ?? 'other', type: 'other', reason: 'type_unknown' })
    return { problem: typeUnknown(event.type, context) }
  }
  const reject = (problem: Problem): { readonly problem: Problem } => {
    observer.rejected?.({ topic: topic.name, type: event.type, reason: problem.code })
    return { problem }
  }
  const checked = type.read(event.version, event.data)
  if (checked.kind === 'unknown-version') {
    const detail = `version ${event.version} of ${event.type} is not read here; the current one is ${type.version}`
    return reject({ code: 'schema_violation', detail })
  }
  if (checked.kind === 'invalid') {
    return reject({
      code: 'schema_violation',
      detail: `the data of ${event.type} does not fit its schema`,
      faults: checked.issues
        .slice(0, MAX_FAULTS)
        .map(({ pointer, message }) => ({ pointer, detail: message })),
    })
  }
  let recordsKey: string | undefined
  try {
    recordsKey = recordKey(topic, checked.data, key.tenant)
  } catch (error) {
    if (!isHoldfastError(error, 'KEY_INVALID')) throw error
    return reject({ code: 'key_field_invalid', detail: error.detail })
  }
  const time = correctedTime(event.time, context.clockSkewMs, acceptedAt)
  if (time.kind === 'future') return reject({ code: 'time_in_future', detail: time.detail })

  const chosenId = event.id ?? context.derivedId?.(firstIndex + index)
  const id = chosenId ?? newEventId(clock, random)
  const source = event.source ?? `/collect/${key.name}`
  const record = encodeEvent({
    id,
    source,
    type: event.type,
    version: event.version,
    time: time.text,
    subject: event.subject,
    datacontenttype: event.datacontenttype,
    dataschema: event.dataschema,
    tenant: key.tenant,
    correlationId: event.correlationId ?? context.correlationId ?? id,
    causationId: event.causationId,
    traceparent: event.traceparent ?? context.traceparent,
    acceptedAt,
    extensions: time.sent === undefined ? event.extensions : { ...event.extensions, senttime: time.sent },
    key: recordsKey,
    data: event.payload,
  })
  if (chosenId === undefined) return { index, topic, id, event, record }
  // Only an id that the sender chose can come again.
  const dedup = { scope: key.tenant, source, id, hash: contentHash(topic.name, event) }
  return { index, topic, id, event, record: { ...record, dedup } }
}

function typeUnknown(type: string, { topic, key }: IntakeContext): Problem {
  const types = [...(topic ? topic.types.keys() : key.routes.keys())]
  const where = topic ? `topic ${topic.name}` : 'this key'
  return {
    code: 'type_unknown',
    detail: `${JSON.stringify(type)} is not a type of ${where}: ${types.join(', ')}`,
    facts: { types },
  }
}

/** Same id, other content is a conflict. Content is where it goes, what it is, and the bytes. */
function contentHash(topic: string, event: IncomingEvent): Uint8Array {
  const where = Buffer.from(`${topic}\n${event.type}\n${event.version}\n`)
  return sha256(Buffer.concat([where, event.payload]))
}

/** A time by our clock, when the sender said what its own showed; `sent` is then what it gave. */
function correctedTime(
  given: string | undefined,
  skewMs: number | undefined,
  now: number,
):
  | { readonly kind: 'time'; readonly text: string | undefined; readonly sent?: string }
  | { readonly kind: 'future'; readonly text?: undefined; readonly detail: string } {
  if (given === undefined) return { kind: 'time', text: undefined }
  const at = Date.parse(given) - (skewMs ?? 0)
  if (at > now + MAX_AHEAD_MS) return { kind: 'future', detail: `${given} is more than 24 h ahead` }
  // Below a second it is the way of the request, not a wrong clock.
  if (skewMs === undefined || Math.abs(skewMs) < 1000) return { kind: 'time', text: given }
  return { kind: 'time', text: new Date(at).toISOString(), sent: given }
}

/** Asks the topics' checks, a few at a time, and answers what was taken, in order. */
async function askAll(
  { accept, clock }: IntakeParts,
  prepared: readonly Prepared[],
  { key }: IntakeContext,
  refuse: (event: Prepared, problem: Problem) => void,
): Promise<readonly Prepared[]> {
  const refused = new Set<Prepared>()
  const waiting = prepared.values()
  const askInTurn = async (): Promise<void> => {
    for (const one of waiting) {
      const check = accept[one.topic.name]
      if (!check) continue
      const { type, source, time, subject, data } = one.event
      const question = {
        id: one.id,
        type,
        source,
        time,
        subject,
        data,
        tenant: key.tenant,
        topic: one.topic.name,
      }
      const problem = await askAccept(check, question, clock)
      if (!problem) continue
      refused.add(one)
      refuse(one, problem)
    }
  }
  await Promise.all(Array.from({ length: Math.min(MAX_OPEN_QUESTIONS, prepared.length) }, askInTurn))
  return prepared.filter(one => !refused.has(one))
}

function byTopic(
  prepared: readonly Prepared[],
): readonly { readonly topic: AnyTopic; readonly events: readonly Prepared[] }[] {
  const topic = prepared[0]?.topic
  if (topic === undefined) return []
  if (prepared.every(one => one.topic === topic)) return [{ topic, events: prepared }]
  return [...Map.groupBy(prepared, one => one.topic)].map(([topic, events]) => ({ topic, events }))
}

function resultOf(id: string, outcome: Taken | Problem | undefined): EventResult {
  if (outcome === undefined || 'code' in outcome) {
    return {
      kind: 'refused',
      id,
      problem: outcome ?? { code: 'outcome_unknown', detail: 'the log gave no outcome' },
    }
  }
  if (outcome.kind === 'conflict') {
    const detail = `id ${JSON.stringify(id)} names another content`
    return { kind: 'refused', id, problem: { code: 'id_conflict', detail } }
  }
  return {
    kind: 'accepted',
    id,
    receipt: receiptOf(outcome),
    duplicate: outcome.kind === 'duplicate' || (outcome.kind === 'spooled' && outcome.isDuplicate === true),
    spooled: outcome.kind === 'spooled',
  }
}
