import {
  encodeEvent,
  HoldfastError,
  newEventId,
  type Clock,
  type NewRecord,
  type Random,
} from '../event/index.ts'
import { recordKey, type AnyTopic } from '../schema/index.ts'

/** What a publish may say beside the event itself. */
export interface PublishOptions {
  /** Chosen by the caller: a second publish with it within the log's window is recognised. Defaults to a new UUIDv7. */
  readonly id?: string | undefined
  readonly tenant?: string | undefined
  /** When it happened. Defaults to now. */
  readonly time?: Date | undefined
  readonly correlationId?: string | undefined
  readonly traceparent?: string | undefined
}

/** Facts that only the runtime gives: where an event comes from. */
export interface Origin {
  readonly source: string
  readonly acceptedAt?: number
  readonly causationId?: string
}

/** An event that was checked and written down, and is nowhere yet. */
export interface Draft {
  readonly id: string
  readonly record: NewRecord & { readonly value: Uint8Array }
}

/** Checks an event against its contract. Throws `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or `KEY_INVALID`. */
export function draftEvent(
  { topic, type, data }: { readonly topic: AnyTopic; readonly type: string; readonly data: unknown },
  options: PublishOptions,
  origin: Origin,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Draft {
  const declared = topic.types.get(type)
  if (!declared) {
    throw new HoldfastError('EVENT_TYPE_UNKNOWN', {
      detail: `topic ${topic.name} has no event ${JSON.stringify(type)}, only ${[...topic.types.keys()].join(', ')}`,
    })
  }
  const checked = declared.check(data)
  if (checked.kind === 'invalid') {
    const issues = checked.issues.map(issue => `${issue.pointer || '/'} ${issue.message}`).join('; ')
    throw new HoldfastError('EVENT_SCHEMA', {
      detail: `${topic.name} ${type}: ${issues}`,
      facts: { issues: checked.issues },
    })
  }
  const now = clock.now()
  const id = options.id ?? newEventId(clock, random)
  const value = Buffer.from(JSON.stringify(data))
  const record = encodeEvent({
    id,
    source: origin.source,
    type,
    version: declared.version,
    time: (options.time ?? new Date(now)).toISOString(),
    tenant: options.tenant,
    correlationId: options.correlationId ?? id,
    causationId: origin.causationId,
    traceparent: options.traceparent,
    acceptedAt: origin.acceptedAt ?? now,
    extensions: {},
    key: recordKey(topic, data, options.tenant),
    data: value,
  })
  return { id, record: { ...record, value } }
}
