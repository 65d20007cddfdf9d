import { HoldfastError, type Clock, type Random } from '../event/index.ts'
import { draftEvent, type PublishOptions } from '../publish/index.ts'
import type { AnyTopic, EventOf, TypesOf } from '../schema/index.ts'
import type { Outbox, Tx } from '../sink/index.ts'

/** A transaction in which events can be published: they are in the log if it commits, and nowhere if it does not. */
export interface PublishingTx extends Tx {
  /**
   * Writes the event into the outbox. Resolves once the row is written, with the event's id; the event reaches the log
   * soon after the commit. Throws `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or `KEY_INVALID` before anything is written, and
   * `OUTBOX_MISSING` with a database that has none.
   */
  publish<T extends AnyTopic, Type extends TypesOf<T>>(
    topic: T,
    type: Type,
    data: EventOf<T, Type>,
    options?: OutboxOptions,
  ): Promise<{ readonly id: string }>
}

export interface OutboxOptions extends PublishOptions {
  /**
   * Grows with each change of the aggregate. Travels as the attribute `aggregateversion`: two transactions that change
   * one aggregate at the same time may reach the log in the other order, and a consumer that minds compares it.
   */
  readonly aggregateVersion?: bigint | number | undefined
}

/** What publishing in a transaction needs. */
export interface OutboxContext {
  /** Undefined for a database without one. */
  readonly outbox: Outbox | undefined
  /** CloudEvents source of what is published. */
  readonly source: string
  readonly clock: Clock
  readonly random: Random
  /** Makes the topic known to the log, so that the relay finds it. */
  readonly declare: (topic: AnyTopic) => Promise<void>
  /** Tells the relay that rows have committed. */
  readonly wake: () => void
}

/** What an event that follows from another one takes over from it. */
export interface Cause {
  readonly id: string
  readonly tenant: string | undefined
  readonly correlationId: string | undefined
  readonly time: Date
  /** The accept time of the cause: an attempt tomorrow still meets the inbox rows of today's. */
  readonly acceptedAt: number
  /** The same id at every attempt, for each publish of the attempt another one. */
  nextId(topic: string): string
}

/** A transaction with its way to publish. Whoever commits it wakes the relay if something `isPublished`. */
export class Publishing implements PublishingTx {
  isPublished = false
  readonly #tx: Tx
  readonly #context: OutboxContext
  readonly #cause: Cause | undefined

  constructor(tx: Tx, context: OutboxContext, cause?: Cause) {
    this.#tx = tx
    this.#context = context
    this.#cause = cause
  }

  get raw(): unknown {
    return this.#tx.raw
  }

  // Functions of their own, so that a handler may take the transaction apart: `async (event, { query, publish }) => …`.
  get query(): Tx['query'] {
    return (text, params) => this.#tx.query(text, params)
  }

  get publish(): PublishingTx['publish'] {
    return async (topic, type, data, { aggregateVersion, ...given } = {}) => {
      const { outbox, source, declare } = this.#context
      if (!outbox) throw new HoldfastError('OUTBOX_MISSING', { detail: `${topic.name} cannot be published` })
      const cause = this.#cause
      const options = cause ? { ...inherited(cause, topic.name), ...given } : given
      const origin = cause ? { source, acceptedAt: cause.acceptedAt, causationId: cause.id } : { source }
      const { id, record } = draftEvent({ topic, type, data }, options, origin, this.#context)
      await declare(topic)
      const version = aggregateVersion === undefined ? undefined : BigInt(aggregateVersion)
      await outbox.add(this.#tx, {
        id,
        topic: topic.name,
        key: record.key,
        type,
        aggregateVersion: version,
        payload: Buffer.from(record.value).toString(),
        headers:
          version === undefined
            ? record.headers
            : { ...record.headers, ce_aggregateversion: version.toString() },
      })
      this.isPublished = true
      return { id }
    }
  }
}

function inherited(cause: Cause, topic: string): PublishOptions {
  const { tenant, correlationId, time } = cause
  return { id: cause.nextId(topic), tenant, correlationId, time }
}
