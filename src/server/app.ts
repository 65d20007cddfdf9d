import { hostname } from 'node:os'
import {
  HoldfastError,
  lateLogger,
  parseDuration,
  systemClock,
  systemRandom,
  type Logger,
  type Position,
} from '../event/index.ts'
import type {
  Consumer,
  ConsumeObserver,
  ConsumerPolicy,
  GroupStatus,
  KeyedTopics,
  ReplayPlan,
} from '../consume/index.ts'
import type { CollectObserver, SpoolStatus } from '../collect/index.ts'
import { explainEvent, type Explanation, type ExplainOptions } from '../explain/index.ts'
import type { LogSystem } from '../log/index.ts'
import { publisher, type Published, type Publisher, type PublishOptions } from '../publish/index.ts'
import type { BreakerObserver, BreakerStatus, DeadLetters, ReplayState } from '../recover/index.ts'
import type { AnyTopic, EventOf, TypesOf } from '../schema/index.ts'
import { measured, type Database, type OutboxStatus, type PoolStatus, type Sink } from '../sink/index.ts'
import type { AdminSource } from './admin.ts'
import type {
  App,
  AppCollectorOptions,
  AppOptions,
  BreakerControl,
  DoorSettings,
  GroupControl,
  OutboxControl,
  StartOptions,
  StopOptions,
  TransactionVerb,
} from './app-api.ts'
import type { AppContext } from './app-context.ts'
import { AppDeclarations } from './app-declarations.ts'
import { holdDoor, openDoor, type AppDoor } from './app-door.ts'
import { AppGroups } from './app-groups.ts'
import { AppLetters } from './app-letters.ts'
import { AppOutbox } from './app-outbox.ts'
import { AppReplays } from './app-replays.ts'
import { knownGroups, type Declared } from './declared.ts'
import { DeclaredTopics } from './declared-topics.ts'
import { GroupProgress } from './group-progress.ts'
import type { HeldPort } from './hold-port.ts'
import { monitor, type Monitor } from './monitor.ts'
import { both } from './observers.ts'
import { onceSuccessful } from './once-successful.ts'
import type { ReplayJob, ReplayJobs, ReplayJobOptions } from './replays.ts'
import type { Readiness } from './status-report.ts'

export type * from './app-api.ts'

export function app(options: AppOptions & { readonly db: Database }): App<true>
export function app(options: AppOptions & { readonly db?: undefined }): App<false>
export function app(options: AppOptions): App<boolean> {
  return new HoldfastApp(options)
}

type State = 'new' | 'starting' | 'running' | 'stopped'

/** Declares, starts, stops, and answers for its parts, each of which is a file of its own. */
class HoldfastApp implements App<boolean> {
  readonly name: string
  readonly failed: Promise<HoldfastError>
  readonly outbox: OutboxControl
  readonly transaction: TransactionVerb
  readonly #options: AppOptions
  readonly #stuckAfterMs: number
  readonly #context: AppContext
  readonly #fail: (error: HoldfastError) => void
  readonly #life = new AbortController()
  #state: State = 'new'

  readonly #declarations = new AppDeclarations()
  readonly #topics: DeclaredTopics
  readonly #outbox: AppOutbox
  readonly #replays: AppReplays
  readonly #letters: AppLetters
  readonly #progress = new GroupProgress()
  readonly #monitor: Monitor
  #observer: Required<ConsumeObserver>
  #startLogger: Logger | undefined
  readonly #breakerObserver: BreakerObserver

  // From the start on.
  #system: LogSystem | undefined
  #sink: Sink | undefined
  #publisher: Publisher | undefined
  #door: AppDoor | undefined
  #groups: AppGroups | undefined
  #stopping: Promise<void> | undefined

  constructor(options: AppOptions) {
    if (!/^[a-zA-Z0-9_-]{1,100}$/.test(options.name)) {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `app name must be 1 to 100 of the characters a-z A-Z 0-9 _ -, got ${JSON.stringify(options.name)}`,
      })
    }
    this.name = options.name
    this.#options = options
    this.#stuckAfterMs = parseDuration(options.stuckAfter ?? '10s', 'app stuckAfter')
    const failed = Promise.withResolvers<HoldfastError>()
    this.failed = failed.promise
    this.#fail = failed.resolve
    this.#context = this.#makeContext(options)
    this.#monitor = monitor(this, this.#context.clock)
    this.#observer = both<ConsumeObserver>(this.#monitor.observer, options.observer)
    this.#breakerObserver = both<BreakerObserver>(this.#monitor.observer.breaker, options.observer?.breaker)
    this.#topics = new DeclaredTopics(this.#context)
    this.#replays = new AppReplays(this.#context, group => this.#declarations.groups.get(group)?.settings)
    this.#letters = new AppLetters(this.#context, () => this.#declarations.topics)
    this.#outbox = new AppOutbox({
      context: this.#context,
      db: options.db,
      topics: this.#topics,
      published: of => this.#monitor.published(of),
    })
    this.outbox = this.#outbox.control
    this.transaction = work => this.#outbox.transaction(work)
  }

  #makeContext({
    name,
    clock = systemClock,
    random = systemRandom,
    logger = lateLogger(() => this.#startLogger),
  }: AppOptions): AppContext {
    const system = (): LogSystem => this.system
    const sink = (): Sink | undefined => this.#sink
    return {
      app: name,
      memberName: `${name}@${hostname()}:${process.pid}`,
      clock,
      random,
      logger,
      get system() {
        return system()
      },
      get sink() {
        return sink()
      },
      prepareSink: onceSuccessful(async () => this.#sink?.migrate()),
      assertRunning: () => {
        if (this.#state !== 'running') throw notRunning(this.#state)
      },
      life: this.#life.signal,
    }
  }

  // ---- what it is to do

  consumer<const T extends AnyTopic | readonly AnyTopic[], Needs extends string = never>(
    group: string,
    topics: T,
    policy: ConsumerPolicy<KeyedTopics<T>, Needs>,
  ): Consumer<T, boolean> {
    // The declaration takes any event; the public type narrows each handler to its own.
    return this.#declarations.consumer(group, topics, policy) as unknown as Consumer<T, boolean>
  }

  collector(options: AppCollectorOptions): void {
    this.#declarations.collector = options
  }

  get declared(): Declared {
    const { log, db } = this.#options
    const { groups, collector } = this.#declarations
    return { log, db, groups: [...groups.values()].map(({ settings }) => settings), collector }
  }

  // ---- its life

  async start({
    roles = ['collector', 'consumers', 'relay'],
    observer,
    logger,
    door,
  }: StartOptions = {}): Promise<void> {
    if (this.#state !== 'new')
      throw new HoldfastError('CONFIG_INVALID', { detail: `app ${this.name} was started before` })
    this.#state = 'starting'
    this.#startLogger = logger
    this.#declarations.end()
    this.#observer = both<ConsumeObserver>(this.#observer, observer)
    let held: HeldPort | undefined
    try {
      // Before anything else: a taken port leaves nothing behind, no folder of a log either.
      const collector = roles.includes('collector') ? this.#collectorAs(door) : undefined
      held = collector && (await holdDoor(collector, door))
      await this.#open()
      if (collector) await this.#openDoor(collector, held)
      if (roles.includes('consumers')) await this.#startGroups()
      if (roles.includes('relay')) this.#outbox.startRelay()
      this.#state = 'running'
    } catch (error) {
      await held?.release()
      await this.stop({ drain: '0ms' })
      throw error
    }
  }

  /** Database and log. */
  async #open(): Promise<void> {
    const { clock, random, logger } = this.#context
    const env = { clock, random, logger }
    const sink = await this.#options.db?.open(env)
    this.#sink = sink && measured(sink, this.#monitor.sink, clock)
    const system = await this.#options.log.open({ ...env, observer: this.#monitor.log })
    this.#system = system
    void system.failed.then(this.#fail)
    const declare = (topic: AnyTopic): Promise<void> => this.#topics.declare(topic)
    this.#publisher = publisher({ system, clock, random, declare })
  }

  #collectorAs(door: DoorSettings | undefined): AppCollectorOptions | undefined {
    const { collector } = this.#declarations
    return collector && { ...collector, port: door?.port ?? collector.port }
  }

  async #openDoor(declared: AppCollectorOptions, held: HeldPort | undefined): Promise<void> {
    const door = await openDoor({
      context: this.#context,
      declared,
      remote: this.#isRemote,
      topics: this.#topics,
      observer: both<CollectObserver>(this.#monitor.collect, this.#options.observer?.collect),
      held,
    })
    this.#door = door
    void door.spool?.failed.then(this.#fail)
  }

  async #startGroups(): Promise<void> {
    this.#groups = new AppGroups({
      context: this.#context,
      declarations: this.#declarations.groups,
      topics: this.#topics,
      publisher: this.#publishing,
      outbox: () => this.#outbox.publishing(),
      jobs: () => this.#replays.open(),
      observer: this.#observer,
      breakerObserver: this.#breakerObserver,
      stuckAfterMs: this.#stuckAfterMs,
      progress: this.#progress,
      forgetTopic: () => this.#letters.forget(),
      joined: async () => this.#monitor.declare(this.#topics.names, await this.groups()),
      fatal: error => this.#fatal(error),
    })
    // A log on other machines may be away: the collector takes events all the same.
    await (this.#isRemote ? this.#groups.startOnceThere() : this.#groups.start())
  }

  get #isRemote(): boolean {
    return this.#options.log.remote === true
  }

  #fatal(error: unknown): void {
    const failure =
      error instanceof HoldfastError
        ? error
        : new HoldfastError('INTERNAL', {
            detail: error instanceof Error ? error.message : String(error),
            cause: error,
          })
    this.#context.logger.error({ code: failure.code, err: failure }, failure.message)
    this.#fail(failure)
  }

  stop({ drain = '10s', lameDuck }: StopOptions = {}): Promise<void> {
    const drainMs = parseDuration(drain, 'stop drain')
    const door = lameDuck === undefined ? {} : { lameDuckMs: parseDuration(lameDuck, 'stop lameDuck') }
    this.#stopping ??= this.#stop(drainMs, door)
    return this.#stopping
  }

  async #stop(drainMs: number, door: { readonly lameDuckMs?: number }): Promise<void> {
    this.#state = 'stopped'
    // Each step has its own failure: what can still be done is done.
    const failures: unknown[] = []
    const step = async (work: Promise<unknown> | undefined): Promise<void> => {
      await work?.catch((error: unknown) => failures.push(error))
    }
    // The door first: what is answered until then is durable, and the groups may still be working on it.
    await step(this.#door?.collector.stop(door))
    await step(this.#door?.spool?.close())
    await step(this.#groups?.giveUp())
    await step(this.#outbox.stopRelay())
    await step(this.#groups?.stop(drainMs))
    this.#life.abort(notRunning(this.#state))
    await step(this.#replays.close())
    await step(this.#sink?.close())
    await step(this.#system?.close())
    if (failures.length > 0)
      this.#context.logger.error({ err: failures[0] }, `${this.name} stopped with ${failures.length} errors`)
  }

  async ready(): Promise<Readiness> {
    if (this.#state !== 'running') return { ready: false, reason: `the app is ${this.#state}` }
    const readiness = (await this.#door?.collector.ready()) ?? { ready: true }
    const waits = this.#groups?.waitsFor
    if (!readiness.ready || waits === undefined) return readiness
    return { ready: true, note: `the groups start when the log answers (${waits})` }
  }

  // ---- what it gives while it runs

  get system(): LogSystem {
    if (!this.#system) throw notRunning(this.#state)
    return this.#system
  }

  get door(): AppDoor['collector'] {
    if (!this.#door) throw notRunning(this.#state)
    return this.#door.collector
  }

  get #publishing(): Publisher {
    if (!this.#publisher) throw notRunning(this.#state)
    return this.#publisher
  }

  async publish<T extends AnyTopic, Type extends TypesOf<T>>(
    topic: T,
    type: Type,
    data: EventOf<T, Type>,
    options: PublishOptions = {},
  ): Promise<Published> {
    const { clock } = this.#context
    const began = clock.monotonic()
    const published = await this.#publishing.publish(topic, type, data, options, {
      source: `/apps/${this.name}`,
      dedup: true,
    })
    if (!published.duplicate) {
      const seconds = (clock.monotonic() - began) / 1_000
      this.#monitor.published({ topic: topic.name, source: 'sdk', count: 1, seconds })
    }
    return published
  }

  replay(group: string, options: ReplayJobOptions & { readonly dryRun: true }): Promise<ReplayPlan>
  replay(group: string, options: ReplayJobOptions & { readonly dryRun?: false }): Promise<ReplayJob>
  replay(group: string, options: ReplayJobOptions): Promise<ReplayPlan | ReplayJob> {
    return options.dryRun ? this.#replays.plan(group, options) : this.#replays.ask(group, options)
  }

  jobs(): ReplayJobs {
    return this.#replays.jobs
  }

  dead(group: string): DeadLetters {
    return this.#letters.of(group)
  }

  explain(id: string, options?: ExplainOptions): Promise<Explanation> {
    const { system } = this
    const groups = this.#groups?.running
    const declared = knownGroups(this.declared).map(known => ({
      ...known,
      works: (at: Position) => groups?.runner(known.group).works(at) ?? false,
    }))
    return explainEvent({ system, sink: this.#sink, declared, clock: this.#context.clock }, id, options)
  }

  group(name: string): GroupControl {
    const groups = this.#groups?.running
    const declared = this.#declarations.groups
    if (!groups || !declared.has(name)) {
      const known = groups ? [...declared.keys()].join(', ') : ''
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `app ${this.name} has no running group ${JSON.stringify(name)}, only ${known || 'none'}`,
      })
    }
    const by = `app ${this.name}`
    return {
      pause: reason => groups.pause(name, reason, by),
      resume: ({ allowDeadFor } = {}) => {
        const ms = allowDeadFor === undefined ? undefined : parseDuration(allowDeadFor, 'allowDeadFor')
        return groups.resume(name, by, ms)
      },
      acceptLoss: reason => groups.runner(name).acceptLoss(reason),
    }
  }

  breaker(name: string): BreakerControl {
    const found = this.#groups?.dependencies().find(one => one.name === name)
    if (!found)
      throw new HoldfastError('CIRCUIT_UNKNOWN', { detail: `app ${this.name} has no breaker ${name}` })
    return {
      open: (ms, reason) => found.forceOpen(ms, reason),
      close: reason => found.forceClosed(reason),
    }
  }

  // ---- how it stands, for its monitor and for people

  get admin(): AdminSource {
    return {
      ready: () => this.ready(),
      report: () => this.#monitor.report(),
      metrics: this.#monitor.metrics,
      host: () => {
        const { clock, random } = this.#context
        const about = { clock, random, progress: this.#progress, sink: this.#sink }
        return { system: this.system, app: this, spool: this.#door?.spool?.spool, ...about }
      },
    }
  }

  async groups(): Promise<readonly GroupStatus[]> {
    return this.#letters.countedIn((await this.#groups?.running?.status()) ?? [])
  }

  breakers(): readonly BreakerStatus[] {
    return this.#groups?.dependencies().map(one => one.status()) ?? []
  }

  pools(): readonly PoolStatus[] {
    return this.#sink?.pools?.() ?? []
  }

  /** A folder holds topics of Holdfast alone. Brokers have those of others too, perhaps thousands, that may not be looked at. */
  async topicsSeen(): Promise<readonly string[]> {
    const names = await this.system.log.topics.list()
    return this.#options.log.remote === true ? names.filter(name => this.#topics.has(name)) : names
  }

  awayBecause(): string | undefined {
    const { state, reason = 'it takes no events' } = this.spoolSeen() ?? {}
    return state === 'SPOOLING' ? reason : this.#groups?.waitsFor
  }

  spoolSeen(): SpoolStatus | undefined {
    return this.#door?.spool?.spool.status()
  }

  outboxSeen(): OutboxStatus | undefined {
    return this.#outbox.seen()
  }

  replaysSeen(): Promise<readonly ReplayState[]> {
    return this.#replays.seen()
  }
}

function notRunning(state: State): HoldfastError {
  return new HoldfastError('APP_NOT_RUNNING', { detail: `the app is ${state}; await app.start() first` })
}
