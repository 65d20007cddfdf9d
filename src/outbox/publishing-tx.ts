import type { Clock, Random } from '../event/index.ts'
import { draftEvent, type PublishOptions } from '../publish/index.ts'
import type { AnyTopic, EventOf, TypesOf } from '../schema/index.ts'
import type { Outbox, Tx } from '../sink/index.ts'

/** A transaction in which events can be published: they are in the log if it commits, and nowhere if it does not. */
export interface PublishingTx extends Tx {
  /**
   * Writes the event into the outbox. Resolves once the row is written, with the event's id; the event reaches the log
   * soon after the commit. Throws `EVENT_TYPE_UNKNOWN`, `EVENT_SCHEMA` or `KEY_INVALID` before anything is written.
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
  readonly outbox: Outbox
  readonly source: string
  readonly clock: Clock
  readonly random: Random
  /** Makes the topic known to the log, so that the relay finds it. */
  readonly declare: (topic: AnyTopic) => Promise<void>
}

export function publishingTx(tx: Tx, context: OutboxContext): PublishingTx {
  return {
    query: (text, params) => tx.query(text, params),
    raw: tx.raw,
    async publish(topic, type, data, { aggregateVersion, ...options } = {}) {
      const event = { topic, type, data }
      const { id, record } = draftEvent(event, options, { source: context.source }, context)
      await context.declare(topic)
      const version = aggregateVersion === undefined ? undefined : BigInt(aggregateVersion)
      await context.outbox.add(tx, {
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
      return { id }
    },
  }
}
