import { Troubles } from './troubles.ts'
import { HoldfastError, parseDuration, type Clock, type Logger, type Random } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { OutboxContext } from '../outbox/index.ts'
import type { Publisher } from '../publish/index.ts'
import {
  dependency,
  floodGuard,
  resolveBreakerOptions,
  type BreakerObserver,
  type Dependency,
  type JobTopic,
} from '../recover/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Sink } from '../sink/index.ts'
import { admission } from './admission.ts'
import type { GroupContext } from './group-context.ts'
import { groupRunner, type GroupRunner } from './group-runner.ts'
import type { BatchHandler, BatchOptions, EffectHandler, OnHandler } from './handlers.ts'
import { gate, limiter, rateLimit, type Limiter } from './limits.ts'
import type { ConsumeObserver } from './observer.ts'
import {
  resolveGroup,
  usesDatabase,
  withHandlers,
  type AnyPolicy,
  type Batch,
  type GroupSettings,
  type Handler,
} from './settings.ts'

/**
 * A group being declared: handlers are added, then it is made ready once. The public `Consumer` type gives `on`,
 * `effect` and `effectBatch` their event types.
 */
export class GroupDeclaration {
  readonly #group: string
  readonly #topics: readonly AnyTopic[]
  readonly #base: GroupSettings
  readonly #handlers = new Map<string, Handler>()
  #batch: Batch | undefined

  constructor(group: string, topics: readonly AnyTopic[], policy: AnyPolicy) {
    this.#group = group
    this.#topics = topics
    this.#base = resolveGroup(group, topics, policy)
  }

  on(type: string, run: OnHandler): this {
    return this.#add(type, { kind: 'on', run })
  }

  effect(type: string, run: EffectHandler): this {
    return this.#add(type, { kind: 'effect', run })
  }

  effectBatch(types: readonly string[], options: BatchOptions, run: BatchHandler): this {
    if (this.#batch) throw invalid(this.#group, 'effectBatch was called twice; name all types in one call')
    for (const type of types) this.#add(type, { kind: 'batch' })
    const withinMs = parseDuration(options.within, `consumer ${this.#group}: effectBatch within`)
    this.#batch = { max: options.max, withinMs, run }
    return this
  }

  get topics(): readonly AnyTopic[] {
    return this.#topics
  }

  /** With every default and handler. Throws `CONFIG_INVALID` while there is no handler. */
  get settings(): GroupSettings {
    return withHandlers(this.#base, this.#handlers, this.#batch)
  }

  get usesDatabase(): boolean {
    return [...this.#handlers.values()].some(handler => handler.kind !== 'on')
  }

  /** Makes the group ready to start. Its dependencies are those of its own; the database's is shared and comes in. */
  ready(parts: GroupParts): ReadyGroup {
    const { settings } = this
    const database = usesDatabase(settings)
    if (database && !parts.sink)
      throw invalid(settings.group, '.effect needs a database: app({ db: postgres(url) })')
    const { clock, random, logger, breakerObserver } = parts
    const make = (
      name: string,
      probe: (signal: AbortSignal) => Promise<unknown>,
      breaker: object,
    ): Dependency =>
      dependency({
        name,
        probe,
        breaker: resolveBreakerOptions(breaker, `consumer ${settings.group}: ${name}`),
        probeTimeoutMs: PROBE_TIMEOUT_MS,
        clock,
        random,
        logger,
        observer: breakerObserver,
      })
    const own = Object.entries(settings.needs).map(([name, need]) => make(name, need.probe, need.breaker))
    // Stands for whatever a handler calls without saying so: nothing can be asked, so its probe only lets time pass.
    const undeclared = make(`${settings.group}-calls`, () => Promise.resolve(), {})
    const dependencies = [...(database && parts.database ? [parts.database] : []), ...own, undeclared]
    const concurrency = database ? Math.min(settings.concurrency, parts.databaseShare) : settings.concurrency
    if (settings.concurrencyChosen && concurrency < settings.concurrency) {
      logger.info(
        { group: settings.group, concurrency },
        `${settings.group}: concurrency ${settings.concurrency} is capped at ${concurrency}, its share of the connections of the database`,
      )
    }
    const groupGate = gate()
    const source = `/apps/${parts.app}/${settings.group}`
    const runner = groupRunner({
      context: {
        settings,
        log: parts.system.log,
        sink: database ? parts.sink : undefined,
        prepareSink: parts.prepareSink,
        publisher: parts.publisher,
        outbox: { ...parts.outbox, source },
        source,
        clock,
        random,
        logger,
        troubles: new Troubles(settings.group, logger),
        observer: parts.observer,
        dependencies,
        undeclared,
        admission: admission({
          gate: groupGate,
          rate: rateLimit(settings.ratePerSecond, clock),
          limiter: limiter(concurrency),
          dependencies,
        }),
        suspects: parts.suspects,
        deletedAt: parts.deletedAt,
        gate: groupGate,
        guard: floodGuard(settings.deadShare),
        stuckAfterMs: parts.stuckAfterMs,
        fatal: parts.fatal,
      },
      groups: parts.system.groups,
      jobs: parts.jobs,
      memberName: parts.memberName,
      commitEveryMs: COMMIT_EVERY_MS,
      revokeDrainMs: REVOKE_DRAIN_MS,
    })
    return { runner, dependencies: [...own, undeclared] }
  }

  #add(type: string, handler: Handler): this {
    if (this.#handlers.has(type)) throw invalid(this.#group, `event ${JSON.stringify(type)} has two handlers`)
    this.#handlers.set(type, handler)
    return this
  }
}

export interface ReadyGroup {
  readonly runner: GroupRunner
  /** Of this group alone, to be closed with it. */
  readonly dependencies: readonly Dependency[]
}

/** What an app gives to its groups. */
export interface GroupParts {
  readonly app: string
  readonly system: LogSystem
  readonly sink: Sink | undefined
  /** Transactions that this group may have at once, so that one whose handlers hang leaves room for the others. */
  readonly databaseShare: number
  readonly prepareSink: () => Promise<void>
  /** Replays of its groups, where there is a database. */
  readonly jobs: JobTopic | undefined
  /** The database's breaker, shared by all groups of the process. */
  readonly database: Dependency | undefined
  readonly publisher: Publisher
  readonly outbox: OutboxContext
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer: ConsumeObserver
  readonly breakerObserver: BreakerObserver
  readonly memberName: string
  /** Shared by all groups of the process, for one at a time. */
  readonly suspects: Limiter
  /** As {@link GroupContext.deletedAt}. */
  readonly deletedAt: GroupContext['deletedAt']
  readonly stuckAfterMs: number
  readonly fatal: (error: unknown) => void
}

export const PROBE_TIMEOUT_MS = 5_000
const COMMIT_EVERY_MS = 100
const REVOKE_DRAIN_MS = 10_000

function invalid(group: string, detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `consumer ${JSON.stringify(group)}: ${detail}` })
}
