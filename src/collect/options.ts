import {
  HoldfastError,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Random,
} from '../event/index.ts'
import type { Log } from '../log/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { AcceptCheck } from './accept.ts'
import { keyRing, type KeyOptions, type KeyRing } from './keys.ts'
import { resolveCollectorLimits, type CollectorLimits } from './limits.ts'
import type { CollectObserver } from './observer.ts'
import type { Otherwise } from './otherwise.ts'
import type { EventForm } from './read-event.ts'
import type { Spool } from './spool/spool.ts'

export interface CollectorOptions {
  /** Topics that events may be posted to. They must exist in the log. */
  readonly topics: readonly AnyTopic[]
  readonly log: Log
  /** Where events are kept while the log is away. Defaults to nowhere: they are then answered 503. */
  readonly spool?: Spool
  /**
   * Who recognises an id that was sent before: the log, or for a log that does not, this collector, for ten minutes.
   * Defaults to `log`.
   */
  readonly dedup?: 'log' | 'local'
  /** Who may post, by the name of the key. */
  readonly keys: Readonly<Record<string, KeyOptions>>
  /** Where events of a type go that several topics declare, when the request names no topic. */
  readonly typeTopics?: Readonly<Record<string, AnyTopic>>
  /** Further paths for `POST`, such as `/api/collect` for callers that exist already. */
  readonly aliases?: Readonly<Record<string, AliasOptions>>
  /**
   * Answers requests for paths that are none of the collector's: routes of yours on the same port, within its limits on
   * headers, time and connections. Not asked by `fetch`. Defaults to 404.
   */
  readonly otherwise?: Otherwise
  /** A question asked before an event is taken, by topic name. */
  readonly accept?: Readonly<Record<string, AcceptCheck>>
  /** What happens to `\u0000` and halves of surrogate pairs, which PostgreSQL refuses as `jsonb`. Defaults to `refuse`. */
  readonly unstorableText?: 'refuse' | 'pass'
  readonly limits?: Partial<CollectorLimits>
  /**
   * How long requests are still served after `stop()`, while load balancers notice that it is not ready. Defaults to
   * 5 s; 0 where nothing is in front.
   */
  readonly lameDuckMs?: number
  /** What is under way this long after that is cut off. Defaults to 18 s, so that a stop takes less than 25 s. */
  readonly stopTimeoutMs?: number
  /**
   * Takes keys that are their own name also through `fetch`, which cannot see where a request came from. For tests and
   * for servers that are known to be on loopback. Defaults to false.
   */
  readonly plainKeysByFetch?: boolean
  /** A request that works, shown at `GET /` as a command to try. Defaults to an event of the first topic, without data. */
  readonly example?: { readonly path: string; readonly body: string }
  /** Where the status page is; linked from `GET /`. */
  readonly statusUrl?: string
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  readonly observer?: CollectObserver
}

export interface AliasOptions {
  /** Undefined routes by type. */
  readonly topic?: AnyTopic
  /**
   * What every `flat` object here is, so that it need not say so: a member `type` is then part of the payload and means
   * nothing. Defaults to what the member says.
   */
  readonly type?: string
  /** How `application/json` and `application/x-ndjson` bodies are written. Defaults to `plain`. */
  readonly form?: Exclude<EventForm, 'cloudevents'>
}

export interface ResolvedCollectorOptions extends Required<
  Omit<CollectorOptions, 'keys' | 'limits' | 'otherwise' | 'spool' | 'statusUrl'>
> {
  readonly keys: KeyRing
  readonly limits: CollectorLimits
  readonly otherwise: Otherwise | undefined
  readonly spool: Spool | undefined
  readonly statusUrl: string | undefined
}

/** Fills in every default. Throws `CONFIG_INVALID` for an option that cannot work. */
export function resolveCollectorOptions(given: CollectorOptions): ResolvedCollectorOptions {
  const limits = resolveCollectorLimits(given.limits)
  const { topics, clock = systemClock, typeTopics = {}, aliases = {}, accept = {} } = given
  if (topics.length === 0) throw refusal('topics is empty: there is nowhere to put an event')
  const named = (option: string, topic: AnyTopic | undefined): void => {
    if (topic && !topics.includes(topic))
      throw refusal(`${option} names topic ${topic.name}, which is not in topics`)
  }
  for (const [type, topic] of Object.entries(typeTopics)) named(`typeTopics.${type}`, topic)
  for (const [path, { topic, type, form }] of Object.entries(aliases)) {
    named(`aliases[${JSON.stringify(path)}]`, topic)
    if (type !== undefined && form !== 'flat')
      throw refusal(`aliases[${JSON.stringify(path)}].type needs form 'flat', got '${form ?? 'plain'}'`)
    if (type !== undefined && !(topic ? [topic] : topics).some(({ types }) => types.has(type)))
      throw refusal(`aliases[${JSON.stringify(path)}].type names ${type}, which no topic of it declares`)
    if (!/^\/[\w./~-]+$/.test(path) || path.startsWith('/v1/'))
      throw refusal(
        `aliases[${JSON.stringify(path)}] must be a path such as /api/collect, and not below /v1/`,
      )
  }
  for (const name of Object.keys(accept))
    if (!topics.some(topic => topic.name === name))
      throw refusal(`accept names topic ${name}, which is not in topics`)
  const { lameDuckMs = 5_000, stopTimeoutMs = 18_000 } = given
  for (const [name, ms] of Object.entries({ lameDuckMs, stopTimeoutMs }))
    if (!Number.isSafeInteger(ms) || ms < 0) throw refusal(`${name} must be a whole number from 0, got ${ms}`)
  return {
    topics,
    log: given.log,
    spool: given.spool,
    dedup: given.dedup ?? 'log',
    keys: keyRing(given.keys, {
      topics,
      typeTopics,
      keyEventsPerSecond: limits.keyEventsPerSecond,
      tenantBytesPerSecond: limits.tenantBytesPerSecond,
      clock,
    }),
    typeTopics,
    aliases,
    accept,
    unstorableText: given.unstorableText ?? 'refuse',
    limits,
    lameDuckMs,
    stopTimeoutMs,
    plainKeysByFetch: given.plainKeysByFetch ?? false,
    example: given.example ?? {
      path: '/v1/events',
      body: JSON.stringify({ type: topics[0]?.types.keys().next().value, data: {} }),
    },
    otherwise: given.otherwise,
    statusUrl: given.statusUrl,
    clock,
    random: given.random ?? systemRandom,
    logger: given.logger ?? silentLogger,
    observer: given.observer ?? {},
  }
}

function refusal(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `collector: ${detail}` })
}
