import {
  HoldfastError,
  sha256,
  type Clock,
  type Durability,
  type Offset,
  type Random,
} from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import { draftEvent, type Origin, type PublishOptions } from './draft.ts'

export interface Published {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  readonly durability: Durability
  /** The id was known with the same data: nothing was stored again. */
  readonly duplicate: boolean
}

export interface Publisher {
  /**
   * Appends one event; resolves after the durable write. Rejects with `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or
   * `KEY_INVALID` before anything is written, or with what {@link LogSystem} says. A log that is away is an error here, and
   * not spooled as at the collector: the caller is in this process and knows what else to do, such as using the outbox.
   */
  publish(
    topic: AnyTopic,
    type: string,
    data: unknown,
    options: PublishOptions,
    /** `dedup`: whether the log is asked to recognise the id. Derived ids are recognised by the inbox instead. */
    origin: Origin & { readonly dedup: boolean },
  ): Promise<Published>
}

export function publisher(of: {
  readonly system: Pick<LogSystem, 'log' | 'features'>
  readonly clock: Clock
  readonly random: Random
  /** Makes the topic in the log, if it is not there yet. */
  declare(topic: AnyTopic): Promise<void>
}): Publisher {
  const { log, features } = of.system
  return {
    async publish(topic, type, data, options, origin) {
      const { id, record } = draftEvent({ topic, type, data }, options, origin, of)
      await of.declare(topic)
      const dedup =
        origin.dedup && options.id !== undefined && features.deduplicates === true
          ? {
              scope: options.tenant ?? '',
              source: origin.source,
              id,
              hash: sha256(record.value),
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
