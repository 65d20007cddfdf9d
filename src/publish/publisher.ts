import {
  encodeEvent,
  HoldfastError,
  newEventId,
  sha256,
  type Clock,
  type Durability,
  type Offset,
  type Random,
} from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
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

export interface Published {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  readonly durability: Durability
  /** The id was known with the same data: nothing was stored again. */
  readonly duplicate: boolean
}

/** Facts that only the runtime gives: where a derived event comes from. */
interface Origin {
  readonly source: string
  readonly acceptedAt?: number
  readonly causationId?: string
  /** Whether the log is asked to recognise the id. Derived ids are recognised by the inbox instead. */
  readonly dedup: boolean
}

export interface Publisher {
  /**
   * Appends one event; resolves after the durable write. Rejects with `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or
   * `KEY_INVALID` before anything is written, or with what {@link LogSystem} says.
   */
  publish(
    topic: AnyTopic,
    type: string,
    data: unknown,
    options: PublishOptions,
    origin: Origin,
  ): Promise<Published>
}

export function publisher(of: {
  readonly system: Pick<LogSystem, 'log' | 'features'>
  readonly clock: Clock
  readonly random: Random
}): Publisher {
  const { log, features } = of.system
  return {
    async publish(topic, type, data, options, origin) {
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
      const now = of.clock.now()
      const id = options.id ?? newEventId(of.clock, of.random)
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
      const dedup =
        origin.dedup && options.id !== undefined && features.deduplicates === true
          ? {
              scope: options.tenant ?? '',
              source: origin.source,
              id,
              hash: sha256(value),
            }
          : undefined
      const [outcome] = await log.append(topic.name, [{ ...record, dedup }])
      if (!outcome)
        throw new HoldfastError('INTERNAL', { detail: 'an append of one record answered no outcome' })
      if (outcome.kind === 'conflict') {
        throw new HoldfastError('EVENT_CONFLICT', {
          detail: `${topic.name}: id ${id} was published before with other data`,
        })
      }
      const { position } = outcome
      return {
        id,
        topic: topic.name,
        partition: position.partition,
        offset: position.offset,
        durability: log.durability,
        duplicate: outcome.kind === 'duplicate',
      }
    },
  }
}
