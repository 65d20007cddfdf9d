import type { Duration, Logger, Offset, Rate } from '../event/index.ts'
import type { PublishOptions, Published } from '../publish/index.ts'
import type { BreakerOptions } from '../recover/index.ts'
import type { AllKeyed, AnyTopic, DataOf, EventOf, TypesOf } from '../schema/index.ts'
import type { PublishingTx } from '../outbox/index.ts'
import type { Tx } from '../sink/index.ts'

/** An event as a handler gets it. */
export interface Received<Type extends string = string, Data = unknown> {
  readonly id: string
  readonly source: string
  readonly type: Type
  /** Version of the schema that it was written with; `data` is of the current one. */
  readonly version: number
  readonly data: Data
  /** The key as the log has it, below the tenant where there is one. */
  readonly key: string | undefined
  readonly tenant: string | undefined
  /** When it happened, as the sender said; else when it was accepted. */
  readonly time: Date
  /** When Holdfast accepted it. */
  readonly acceptedAt: Date
  readonly correlationId: string
  readonly causationId: string | undefined
  /** Other CloudEvents attributes, by lower-case name. */
  readonly extensions: Readonly<Record<string, string>>
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  /** 1 for the first attempt. */
  readonly attempt: number
}

/** What a handler may use beside the event. */
export interface HandlerContext {
  /** Aborts at the deadline, and when the partition or the process goes. Pass it to whatever is waited for. */
  readonly signal: AbortSignal
  /**
   * The same for every attempt at this event by this group, until its range is reprocessed: for the `Idempotency-Key` of
   * an outside call.
   */
  readonly idempotencyKey: string
  /** 0 as a rule; above it when a replay reprocesses the event, for what must not happen a second time. */
  readonly generation: number
  readonly log: Logger
  /**
   * Publishes an event that follows from this one; resolves after the durable write. Its id is derived from this
   * event, so a second attempt publishes the same event again and not another one, also when it is reprocessed. It
   * keeps tenant and correlation.
   */
  publish<T extends AnyTopic, Type extends TypesOf<T>>(
    topic: T,
    type: Type,
    data: EventOf<T, Type>,
    options?: Pick<PublishOptions, 'id' | 'time'>,
  ): Promise<Published>
}

export type Verdict = 'retry' | 'dead' | 'skip'

/** How a group works through its topics. */
export interface ConsumerPolicy<Keyed extends boolean, Needs extends string> {
  /** Where a group without a position begins. Used only then. */
  readonly from: 'earliest' | 'latest' | Date
  /**
   * `key`: events of one key one after another, others at once. `partition`: all one after another. `none`: no order.
   * Defaults to `key` where every topic has a key, else `partition`.
   */
  readonly order?: Keyed extends true ? 'key' | 'partition' | 'none' : 'partition' | 'none'
  /**
   * Handlers that run at once in this process. With effects it is capped by the group's share of the connections of
   * the database, which are divided evenly: handlers of one group that hang cannot take them all. Defaults to 16.
   */
  readonly concurrency?: number
  /** Handler starts allowed, for example `'500/s'`. Defaults to no limit. */
  readonly rate?: Rate
  /**
   * Waits before the second, third, … attempt; after the last one the event is a dead letter. The event waits in the
   * durable retry lane of its partition, over restarts as well, and holds back only its key. Defaults to
   * `['1s', '30s', '5m']`.
   */
  readonly retry?: readonly Duration[]
  /**
   * When an event has died: `continue` with the later ones of its key, or `hold` them in the retry lane until somebody
   * replays, discards or releases it. Defaults to `continue`.
   */
  readonly whenDead?: 'continue' | 'hold'
  /**
   * Events of a partition that may wait in its retry lane; at this number the partition takes no more in. Each takes
   * about 1 KB of memory in its owner. Defaults to 100,000.
   */
  readonly maxParked?: number
  /** Time for one attempt. Defaults to `'30s'`. */
  readonly deadline?: Duration
  /** Share of the last five minutes that may die before the group pauses, from 50 letters on. Defaults to 0.2. */
  readonly deadShare?: number
  /** Types of the topic that have no handler here. Defaults to `skip`. Types unknown to the topic always pause. */
  readonly unhandled?: 'skip' | 'dead' | 'pause'
  /** `ids`: exact for producers' retries as well. `offsets`: for redelivery only, cheaper; needs `order: 'partition'`. Defaults to `ids`. */
  readonly dedup?: 'ids' | 'offsets'
  /** Services that handlers call, each with a question that shows whether it works. */
  readonly needs?: Readonly<Record<Needs, Need>>
  /** Overrides what an error means; `undefined` leaves it to the default classification. */
  readonly onError?: (
    error: unknown,
    event: Received,
  ) => Verdict | { readonly pause: NoInfer<Needs> | 'db' } | undefined
  /**
   * What a replay with mode `reprocess` begins with in each partition; such a replay is refused where there is none. Only
   * for groups with effects. Where effects overwrite what they wrote before, it may do nothing.
   */
  readonly reset?: Reset
  /** Events taken from the log and not yet done, for each partition. More: more memory. Defaults to 1,000. */
  readonly maxInFlight?: number
}

/** A range that is about to be run again, of one partition. */
export interface ResetRange {
  readonly job: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Offsets from `from` on and below `to`, as `event.offset` has them. */
  readonly from: Offset
  readonly to: Offset
  /** The ids of its events, page by page, read from the log. */
  readonly eventIds: () => AsyncIterable<readonly string[]>
}

/**
 * Takes back what the events of a range have done, of this partition and no other: they run again behind it. It commits
 * together with the decision that they do; when it throws nothing is changed.
 */
export type Reset = (range: ResetRange, tx: Tx) => Promise<void>

export interface Need {
  readonly probe: (signal: AbortSignal) => Promise<unknown>
  readonly breaker?: BreakerOptions
}

export type OnHandler = (event: Received, context: HandlerContext) => Promise<void> | void
export type EffectHandler = (event: Received, tx: PublishingTx, context: HandlerContext) => Promise<void>
export type BatchHandler = (
  events: Received[],
  tx: PublishingTx,
  context: Pick<HandlerContext, 'signal' | 'log' | 'generation'> & {
    /** Marks one event of the batch as bad; the others go on without it. */
    readonly fail: (index: number, error: unknown) => void
  },
) => Promise<void>

export interface BatchOptions {
  /** Events in one transaction at most. */
  readonly max: number
  /** How long the first event of a batch may wait for more. */
  readonly within: Duration
}

/** One event type of a topic or of several, as a union over the topics it may come from. */
type EventIn<T, Type extends string> = Received<Type, DataOf<T, Type>>

/** Adds handlers to a group. The verb says the guarantee. */
export type Consumer<T, HasDatabase extends boolean> = {
  /** At least once. For calls to the outside; give them `ctx.idempotencyKey`. */
  on<Type extends TypesOf<T>>(
    type: Type,
    handler: (event: EventIn<T, Type>, context: HandlerContext) => Promise<void> | void,
  ): Consumer<T, HasDatabase>
} & (HasDatabase extends true ? EffectVerbs<T> : unknown)

interface EffectVerbs<T> {
  /**
   * Once: what is written through `tx` commits together with the proof that this event was applied, and so does what is
   * published through it.
   */
  effect<Type extends TypesOf<T>>(
    type: Type,
    handler: (event: EventIn<T, Type>, tx: PublishingTx, context: HandlerContext) => Promise<void>,
  ): Consumer<T, true>
  /** Once, for many events in one transaction. A group has either one batch handler or handlers for single events. */
  effectBatch<Type extends TypesOf<T>>(
    types: readonly Type[],
    options: BatchOptions,
    handler: (
      events: { [K in Type]: EventIn<T, K> }[Type][],
      tx: PublishingTx,
      context: Pick<HandlerContext, 'signal' | 'log' | 'generation'> & {
        readonly fail: (index: number, error: unknown) => void
      },
    ) => Promise<void>,
  ): Consumer<T, true>
}

/** Whether every topic of `T` has a key: `order: 'key'` needs it. */
export type KeyedTopics<T> = AllKeyed<T>

export type { AnyTopic }
