import { HoldfastError, parseDuration, parseRate } from '../event/index.ts'
import { isLaneOrDeadTopic, resolveBreakerOptions, type BreakerOptions } from '../recover/index.ts'
import type { LaneSettings } from '../recover/lane/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type {
  BatchHandler,
  ConsumerPolicy,
  EffectHandler,
  OnHandler,
  Received,
  Reset,
  Verdict,
} from './handlers.ts'

/** What runs for one event type. */
export type Handler =
  | { readonly kind: 'on'; readonly run: OnHandler }
  | { readonly kind: 'effect'; readonly run: EffectHandler }
  | { readonly kind: 'batch' }

export interface Batch {
  readonly max: number
  readonly withinMs: number
  readonly run: BatchHandler
}

/** Everything about a group, checked and with every default filled in. */
export interface GroupSettings {
  readonly group: string
  readonly topics: readonly AnyTopic[]
  readonly from: 'earliest' | 'latest' | Date
  readonly order: 'key' | 'partition' | 'none'
  readonly concurrency: number
  /** Whether it was named: a default that is capped is nothing to tell. */
  readonly concurrencyChosen: boolean
  readonly ratePerSecond: number | undefined
  readonly retryDelaysMs: readonly number[]
  readonly whenDead: 'continue' | 'hold'
  readonly maxParked: number
  readonly deadlineMs: number
  readonly deadShare: number
  readonly unhandled: 'skip' | 'dead' | 'pause'
  readonly dedup: 'ids' | 'offsets'
  readonly needs: Readonly<
    Record<string, { probe: (signal: AbortSignal) => Promise<unknown>; breaker: BreakerOptions }>
  >
  readonly onError:
    ((error: unknown, event: Received) => Verdict | { readonly pause: string } | undefined) | undefined
  readonly maxInFlight: number
  readonly reset: Reset | undefined
  readonly handlers: ReadonlyMap<string, Handler>
  readonly batch: Batch | undefined
}

/** A policy whatever its topics and needs: types are checked where the user writes it. */
export type AnyPolicy = ConsumerPolicy<boolean, string>

const defaults = Object.freeze({
  concurrency: 16,
  retry: ['1s', '30s', '5m'],
  deadline: '30s',
  whenDead: 'continue',
  maxParked: 100_000,
  deadShare: 0.2,
  unhandled: 'skip',
  dedup: 'ids',
  maxInFlight: 1_000,
} satisfies Partial<AnyPolicy>)

/** The name of the database's breaker: `{ pause: 'db' }`. */
export const DATABASE = 'db'

/**
 * Checks a policy against itself and its topics. Throws `CONFIG_INVALID` naming group, option, value and bound.
 * Handlers are checked later, by {@link withHandlers}, since they are added one by one.
 */
export function resolveGroup(group: string, topics: readonly AnyTopic[], policy: AnyPolicy): GroupSettings {
  const refuse = (detail: string): never => {
    throw new HoldfastError('CONFIG_INVALID', { detail: `consumer ${JSON.stringify(group)}: ${detail}` })
  }
  if (!/^[a-zA-Z0-9_-]{1,100}$/.test(group)) {
    refuse(
      'the group name must be 1 to 100 of the characters a-z A-Z 0-9 _ - (a dot would make <topic>.<group>.dead ambiguous)',
    )
  }
  if (topics.length === 0) refuse('it names no topic')
  const names = topics.map(topic => topic.name)
  if (new Set(names).size !== names.length) refuse(`a topic is named twice: ${names.join(', ')}`)
  const ours = names.find(isLaneOrDeadTopic)
  if (ours)
    refuse(
      `topic ${ours} ends like a retry lane or dead-letter topic; those are read with the tools for them`,
    )
  const { from } = policy
  if (from !== 'earliest' && from !== 'latest' && !(from instanceof Date && !Number.isNaN(from.getTime()))) {
    refuse(`from must be 'earliest', 'latest' or a Date, got ${String(from)}`)
  }
  const keyed = topics.every(topic => topic.keyed)
  const order = policy.order ?? (keyed ? 'key' : 'partition')
  if (!['key', 'partition', 'none'].includes(order))
    refuse(`order must be 'key', 'partition' or 'none', got ${order}`)
  if (order === 'key' && !keyed) {
    refuse(
      `order 'key' needs a key on every topic; ${names.filter((_, i) => !topics[i]?.keyed).join(', ')} has none`,
    )
  }
  const dedup = policy.dedup ?? defaults.dedup
  if (dedup === 'offsets' && order !== 'partition') {
    refuse(
      `dedup 'offsets' needs order 'partition' (offsets must be applied one after another), got order '${order}'`,
    )
  }
  const retry = policy.retry ?? defaults.retry
  const settings: GroupSettings = {
    group,
    topics,
    from,
    order,
    concurrency: policy.concurrency ?? defaults.concurrency,
    concurrencyChosen: policy.concurrency !== undefined,
    ratePerSecond: policy.rate === undefined ? undefined : parseRate(policy.rate, `consumer ${group}: rate`),
    retryDelaysMs: retry.map((delay, i) => parseDuration(delay, `consumer ${group}: retry[${i}]`)),
    whenDead: policy.whenDead ?? defaults.whenDead,
    maxParked: policy.maxParked ?? defaults.maxParked,
    deadlineMs: parseDuration(policy.deadline ?? defaults.deadline, `consumer ${group}: deadline`),
    deadShare: policy.deadShare ?? defaults.deadShare,
    unhandled: policy.unhandled ?? defaults.unhandled,
    dedup,
    needs: Object.fromEntries(
      Object.entries(policy.needs ?? {}).map(([name, need]) => {
        if (name === DATABASE) refuse(`needs.${DATABASE} is the database itself; choose another name`)
        resolveBreakerOptions(need.breaker ?? {}, `consumer ${group}: needs.${name}.breaker`)
        return [name, { probe: need.probe, breaker: need.breaker ?? {} }]
      }),
    ),
    onError: policy.onError,
    maxInFlight: policy.maxInFlight ?? defaults.maxInFlight,
    reset: policy.reset,
    handlers: new Map(),
    batch: undefined,
  }
  for (const name of ['concurrency', 'maxInFlight', 'maxParked'] as const) {
    if (!Number.isInteger(settings[name]) || settings[name] < 1) {
      refuse(`${name} must be a whole number from 1, got ${settings[name]}`)
    }
  }
  if (settings.deadlineMs < 1) refuse(`deadline must be at least 1ms, got ${policy.deadline}`)
  if (!(settings.deadShare > 0 && settings.deadShare <= 1)) {
    refuse(`deadShare must be above 0 and at most 1, got ${settings.deadShare}`)
  }
  if (!['continue', 'hold'].includes(settings.whenDead)) {
    refuse(`whenDead must be 'continue' or 'hold', got ${settings.whenDead}`)
  }
  if (!['skip', 'dead', 'pause'].includes(settings.unhandled)) {
    refuse(`unhandled must be 'skip', 'dead' or 'pause', got ${settings.unhandled}`)
  }
  return settings
}

/** The settings with their handlers. Refuses a group without any, and one that mixes batch and single handlers. */
export function withHandlers(
  settings: GroupSettings,
  handlers: ReadonlyMap<string, Handler>,
  batch: Batch | undefined,
): GroupSettings {
  const refuse = (detail: string): never => {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `consumer ${JSON.stringify(settings.group)}: ${detail}`,
    })
  }
  if (handlers.size === 0) refuse('it has no handler: add .on, .effect or .effectBatch')
  for (const type of handlers.keys()) {
    if (!settings.topics.some(topic => topic.types.has(type))) {
      refuse(`no topic of it has an event ${JSON.stringify(type)}`)
    }
  }
  const kinds = new Set([...handlers.values()].map(handler => handler.kind))
  if (kinds.has('batch') && kinds.size > 1) {
    refuse('a group has either one batch handler or handlers for single events; use two groups')
  }
  if (batch && (!Number.isInteger(batch.max) || batch.max < 1 || batch.max > 10_000)) {
    refuse(`effectBatch max must be a whole number from 1 to 10000, got ${batch.max}`)
  }
  // A batch must fit into what may be in flight, or it never fills.
  const maxInFlight = Math.max(settings.maxInFlight, (batch?.max ?? 0) * 2)
  return { ...settings, handlers, batch, maxInFlight }
}

export function usesDatabase(settings: GroupSettings): boolean {
  return [...settings.handlers.values()].some(handler => handler.kind !== 'on')
}

/** Entries of a retry lane that run at once: few, since all of them are under suspicion when the process dies. */
const MAX_RETRIES_AT_ONCE = 16
/** In the transactions of a batch group, since each of them runs alone once after a death of the process. */
const MAX_RETRIES_TOGETHER = 100
const MAX_DEATHS = 3

/** What the retry lane of a group's partition is told. */
export function laneSettings(settings: GroupSettings): LaneSettings {
  const { order, whenDead, maxParked, concurrency, ratePerSecond, retryDelaysMs, batch } = settings
  // A place is asked for before it is known how many take it, and a rate counts events.
  const mayShare = batch !== undefined && ratePerSecond === undefined
  const maxTogether = mayShare ? Math.min(batch.max, MAX_RETRIES_TOGETHER) : 1
  return {
    order,
    whenDead,
    maxParked,
    maxRuns: Math.max(maxTogether, Math.min(concurrency, MAX_RETRIES_AT_ONCE)),
    maxTogether,
    maxWaitMs: Math.max(0, ...retryDelaysMs),
    maxDeaths: MAX_DEATHS,
    sparse: 10,
    compactFrom: 1_000,
    batch: batch && { max: batch.max, withinMs: batch.withinMs },
  }
}
