import { hostname } from 'node:os'
import {
  HoldfastError,
  isHoldfastError,
  newEventId,
  parseDuration,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Position,
  type Random,
} from '../event/index.ts'
import {
  DATABASE,
  GroupDeclaration,
  PROBE_TIMEOUT_MS,
  type ConsumeObserver,
  type Consumer,
  type ConsumerPolicy,
  type GroupParts,
  type GroupStatus,
  type KeyedTopics,
  type ReplayPlan,
} from '../consume/index.ts'
import { createCollector, type CollectObserver, type Collector, type SpoolStatus } from '../collect/index.ts'
import { explainEvent, type Explanation, type ExplainOptions } from '../explain/index.ts'
import type { LogSystem } from '../log/index.ts'
import { outboxRelay, Publishing, type OutboxContext, type OutboxRelay } from '../outbox/index.ts'
import { publisher, type Published, type Publisher, type PublishOptions } from '../publish/index.ts'
import {
  deadLetters,
  deadTopicOf,
  dependency,
  jobTopic,
  resolveBreakerOptions,
  type BreakerObserver,
  type BreakerStatus,
  type DeadLetters,
  type Dependency,
  type JobTopic,
  type ReplayState,
} from '../recover/index.ts'
import { laneTopicOf } from '../recover/lane/index.ts'
import type { AnyTopic, EventOf, TypesOf } from '../schema/index.ts'
import {
  measured,
  type Database,
  type Outbox,
  type OutboxStatus,
  type PoolStatus,
  type Sink,
} from '../sink/index.ts'
import type { AdminSource } from './admin.ts'
import { knownGroups, type Declared } from './declared.ts'
import { GroupProgress } from './group-progress.ts'
import type { HeldPort } from './hold-port.ts'
import { startPruning } from './inbox-pruning.ts'
import { monitor, type Monitor } from './monitor.ts'
import { both } from './observers.ts'
import { Replays, type ReplayJob, type ReplayJobs, type ReplayJobOptions } from './replays.ts'
import { runningGroups, type MadeGroup, type RunningGroups } from './running-groups.ts'
import type { Readiness } from './status-report.ts'
import type {
  AppOptions,
  App,
  OutboxControl,
  TransactionVerb,
  StartOptions,
  StopOptions,
  DoorSettings,
  AppCollectorOptions,
  BreakerControl,
  GroupControl,
} from './app-api.ts'
import { holdDoor, listenOn } from './app-door.ts'
import { keepSpool, type KeptSpool } from './collector-spool.ts'
import { onceSuccessful } from './once-successful.ts'
import { startOnceThere, type StartOnceThere } from './start-once-there.ts'

export type * from './app-api.ts'

export function app(options: AppOptions & { readonly db: Database }): App<true>
export function app(options: AppOptions & { readonly db?: undefined }): App<false>
export function app(options: AppOptions): App<boolean> {
  return new HoldfastApp(options)
}

/** How often old days of the inbox are looked for. */
const PRUNE_EVERY_MS = 60 * 60 * 1_000
/** How long handlers of a group that is paused may go on. */
const PAUSE_DRAIN_MS = 10_000

type State = 'new' | 'starting' | 'running' | 'stopped'

class HoldfastApp implements App<boolean> {
  readonly name: string
  readonly failed: Promise<HoldfastError>
  readonly #options: AppOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #stuckAfterMs: number
  readonly #declarations = new Map<string, GroupDeclaration>()
  #groups: RunningGroups | undefined
  #database: Dependency | undefined
  /** Kept, because each remembers the letters that it has read. */
  readonly #dead = new Map<string, DeadLetters>()
  readonly #created = new Map<string, Promise<void>>()
  #collectorOptions: AppCollectorOptions | undefined
  #door: (Collector & { readonly port: number | undefined }) | undefined
  #state: State = 'new'
  #fail: (error: HoldfastError) => void
  #system: LogSystem | undefined
  #publisher: Publisher | undefined
  #sink: Sink | undefined
  #stopping: Promise<void> | undefined
  #stopPruning: (() => void) | undefined
  #relay: OutboxRelay | undefined
  /** On a log that may have been away at the start. */
  #groupsStart: StartOnceThere | undefined
  #spool: KeptSpool | undefined
  #jobTopic: Promise<JobTopic> | undefined
  readonly #life = new AbortController()
  readonly #progress = new GroupProgress()
  /** Makes the tables once; tried again by the next who needs them when the database was away. */
  readonly #prepareSink = onceSuccessful(async () => this.#sink?.migrate())
  readonly #monitor: Monitor
  #observer: Required<ConsumeObserver>
  readonly #breakerObserver: BreakerObserver

  constructor(options: AppOptions) {
    if (!/^[a-zA-Z0-9_-]{1,100}$/.test(options.name)) {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `app name must be 1 to 100 of the characters a-z A-Z 0-9 _ -, got ${JSON.stringify(options.name)}`,
      })
    }
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#logger = options.logger ?? silentLogger
    this.#stuckAfterMs = parseDuration(options.stuckAfter ?? '10s', 'app stuckAfter')
    const failed = Promise.withResolvers<HoldfastError>()
    this.failed = failed.promise
    this.#fail = failed.resolve
    this.#monitor = monitor(this, this.#clock)
    this.#observer = both<ConsumeObserver>(this.#monitor.observer, options.observer)
    this.#breakerObserver = both<BreakerObserver>(this.#monitor.observer.breaker, options.observer?.breaker)
  }

  get admin(): AdminSource {
    return {
      ready: () => this.ready(),
      report: () => this.#monitor.report(),
      metrics: this.#monitor.metrics,
      host: () => {
        const about = { clock: this.#clock, random: this.#random, progress: this.#progress, sink: this.#sink }
        return { system: this.system, app: this, ...about }
      },
    }
  }

  async ready(): Promise<Readiness> {
    if (this.#state !== 'running') return { ready: false, reason: `the app is ${this.#state}` }
    const readiness = (await this.#door?.ready()) ?? { ready: true }
    const waits = this.#groupsStart?.waitsFor
    if (!readiness.ready || waits === undefined) return readiness
    return { ready: true, note: `the groups start when the log answers (${waits})` }
  }

  get declared(): Declared {
    const { log, db } = this.#options
    const groups = [...this.#declarations.values()].map(declaration => declaration.settings)
    return { log, db, groups, collector: this.#collectorOptions }
  }

  get system(): LogSystem {
    if (!this.#system) throw notRunning(this.#state)
    return this.#system
  }

  async publish<T extends AnyTopic, Type extends TypesOf<T>>(
    topic: T,
    type: Type,
    data: EventOf<T, Type>,
    options: PublishOptions = {},
  ): Promise<Published> {
    if (!this.#publisher) throw notRunning(this.#state)
    const began = this.#clock.monotonic()
    const published = await this.#publisher.publish(topic, type, data, options, {
      source: `/apps/${this.name}`,
      dedup: true,
    })
    if (!published.duplicate) {
      const seconds = (this.#clock.monotonic() - began) / 1_000
      this.#monitor.published({ topic: topic.name, source: 'sdk', count: 1, seconds })
    }
    return published
  }

  readonly outbox: OutboxControl = {
    status: async () => (await this.#openOutbox()).status(),
    relay: () => this.#relay?.status(),
    rebase: async () => (await this.#openOutbox()).rebase(),
  }

  async #openOutbox(): Promise<Outbox> {
    if (this.#state !== 'running') throw notRunning(this.#state)
    const outbox = this.#sink?.outbox
    if (!outbox) {
      const db = this.#options.db?.kind ?? 'no database'
      throw new HoldfastError('OUTBOX_MISSING', { detail: `app ${this.name} has ${db}` })
    }
    await this.#prepareSink()
    return outbox
  }

  readonly transaction: TransactionVerb = async work => {
    const outbox = await this.#openOutbox()
    const context = this.#publishingContext()
    let publishing: Publishing | undefined
    const result = await outbox.transaction(tx => {
      publishing = new Publishing(tx, context)
      return work(publishing)
    }, this.#life.signal)
    if (publishing?.isPublished) context.wake()
    return result
  }

  replay(group: string, options: ReplayJobOptions & { readonly dryRun: true }): Promise<ReplayPlan>
  replay(group: string, options: ReplayJobOptions & { readonly dryRun?: false }): Promise<ReplayJob>
  async replay(group: string, options: ReplayJobOptions): Promise<ReplayPlan | ReplayJob> {
    const replays = await this.#replays()
    return options.dryRun ? replays.plan(group, options) : replays.ask(group, options)
  }

  jobs(): ReplayJobs {
    return {
      list: async () => (await this.#replays()).jobs.list(),
      show: async id => (await this.#replays()).jobs.show(id),
      cancel: async (id, why) => (await this.#replays()).jobs.cancel(id, why),
    }
  }

  async #replays(): Promise<Replays> {
    if (this.#state !== 'running') throw notRunning(this.#state)
    return new Replays({
      system: this.system,
      sink: this.#sink,
      prepareSink: this.#prepareSink,
      jobs: await this.#openJobs(this.system),
      settingsOf: group => this.#declarations.get(group)?.settings,
      clock: this.#clock,
      random: this.#random,
      process: this.#memberName,
      life: this.#life.signal,
    })
  }

  /** Read from the first need on. */
  #openJobs({ log }: LogSystem): Promise<JobTopic> {
    const opened = this.#jobTopic ?? jobTopic({ log, clock: this.#clock, logger: this.#logger })
    this.#jobTopic = opened
    opened.catch(() => (this.#jobTopic = undefined)) // tried again by the next who needs it
    return opened
  }

  get #memberName(): string {
    return `${this.name}@${hostname()}:${process.pid}`
  }

  #publishingContext(): OutboxContext {
    return {
      outbox: this.#sink?.outbox,
      source: `/apps/${this.name}`,
      clock: this.#clock,
      random: this.#random,
      declare: topic => this.#declare(topic),
      wake: () => this.#relay?.wake(),
    }
  }

  consumer<const T extends AnyTopic | readonly AnyTopic[], Needs extends string = never>(
    group: string,
    topics: T,
    policy: ConsumerPolicy<KeyedTopics<T>, Needs>,
  ): Consumer<T, boolean> {
    if (this.#state !== 'new') {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `consumer ${JSON.stringify(group)} was declared after start(); declare all groups first`,
      })
    }
    if (this.#declarations.has(group)) {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `consumer ${JSON.stringify(group)} is declared twice`,
      })
    }
    const list: readonly AnyTopic[] = Array.isArray(topics) ? topics : [topics]
    const declaration = new GroupDeclaration(group, list, policy)
    this.#declarations.set(group, declaration)
    // The declaration takes any event; the public type narrows each handler to its own.
    return declaration as unknown as Consumer<T, boolean>
  }

  collector(options: AppCollectorOptions): void {
    if (this.#state !== 'new' || this.#collectorOptions) {
      throw new HoldfastError('CONFIG_INVALID', {
        detail: `collector() is called once, before start(); the app is ${this.#state}`,
      })
    }
    this.#collectorOptions = options
  }

  get door(): Collector & { readonly port: number | undefined } {
    if (!this.#door) throw notRunning(this.#state)
    return this.#door
  }

  async start({
    roles = ['collector', 'consumers', 'relay'],
    observer,
    door,
  }: StartOptions = {}): Promise<void> {
    if (this.#state !== 'new')
      throw new HoldfastError('CONFIG_INVALID', { detail: `app ${this.name} was started before` })
    this.#state = 'starting'
    this.#observer = both<ConsumeObserver>(this.#observer, observer)
    const env = { clock: this.#clock, random: this.#random, logger: this.#logger }
    let held: HeldPort | undefined
    try {
      // Before anything else: a taken port leaves nothing behind, no folder of a log either.
      const collector = roles.includes('collector') ? this.#collectorAs(door) : undefined
      held = collector && (await holdDoor(collector, door))
      // Made before anything is opened: a wrong group refuses to start and leaves nothing behind.
      const sink = await this.#options.db?.open(env)
      this.#sink = sink && measured(sink, this.#monitor.sink, this.#clock)
      const system = await this.#options.log.open({ ...env, observer: this.#monitor.log })
      this.#system = system
      void system.failed.then(error => this.#fail(error))
      this.#publisher = publisher({
        system,
        clock: this.#clock,
        random: this.#random,
        declare: topic => this.#declare(topic),
      })
      if (collector) await this.#openDoor(system, collector, held)
      if (roles.includes('consumers')) await this.#startGroupsOnceThere(system, this.#publisher)
      if (roles.includes('relay')) this.#relay = this.#startRelay(system)
      this.#state = 'running'
    } catch (error) {
      await held?.release()
      await this.stop({ drain: '0ms' })
      throw error
    }
  }

  #collectorAs(door: DoorSettings | undefined): AppCollectorOptions | undefined {
    const port = door?.port ?? this.#collectorOptions?.port
    return this.#collectorOptions && { ...this.#collectorOptions, port }
  }

  async #openDoor(
    system: LogSystem,
    declared: AppCollectorOptions,
    held: HeldPort | undefined,
  ): Promise<void> {
    const { port: _, host: __, spool, ...options } = declared
    const env = { clock: this.#clock, random: this.#random, logger: this.#logger }
    const observer = both<CollectObserver>(this.#monitor.collect, this.#options.observer?.collect)
    const { log, features } = system
    if (this.#options.log.remote === true) {
      const declare = (topic: AnyTopic): Promise<void> => this.#declare(topic)
      const { topics } = options
      await this.#declareIfThere(topics)
      this.#spool = await keepSpool({ log, topics, declare, options: spool, env, observer })
      void this.#spool.failed.then(error => this.#fail(error))
    } else for (const topic of options.topics) await this.#declare(topic)
    const collector = createCollector({
      ...options,
      log,
      ...(this.#spool && { spool: this.#spool.spool }),
      dedup: features.deduplicates === true ? 'log' : 'local',
      ...env,
      observer,
    })
    await held?.release()
    const listening = held && (await listenOn(collector, held))
    this.#door = Object.assign(collector, { port: listening?.port })
  }

  /** A log on other machines may be away: the collector then takes events all the same, and the groups start later. */
  async #startGroupsOnceThere(system: LogSystem, publish: Publisher): Promise<void> {
    if (this.#options.log.remote !== true) return await this.#startGroups(system, publish)
    const start = async (): Promise<void> => {
      try {
        await this.#startGroups(system, publish)
      } catch (error) {
        await this.#groups?.stop(0).catch(() => {})
        this.#groups = undefined
        this.#database?.close()
        throw error
      }
    }
    this.#groupsStart = startOnceThere({
      answers: () => system.log.topics.list(),
      start,
      clock: this.#clock,
      logger: this.#logger,
    })
    void this.#groupsStart.failed.then(error => this.#fatal(error))
    await this.#groupsStart.tried
  }

  async #startGroups(system: LogSystem, publish: Publisher): Promise<void> {
    const sink = this.#sink
    const database =
      sink &&
      dependency({
        name: DATABASE,
        probe: signal => sink.probe(signal),
        breaker: resolveBreakerOptions({}, 'db'),
        probeTimeoutMs: PROBE_TIMEOUT_MS,
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        observer: this.#breakerObserver,
      })
    this.#database = database
    const sharing = [...this.#declarations.values()].filter(group => group.usesDatabase).length
    const jobs = sharing > 0 ? await this.#openJobs(system) : undefined
    const databaseShare = Math.max(1, Math.floor((sink?.maxConcurrent ?? 0) / Math.max(1, sharing)))
    const makers = new Map<string, () => MadeGroup>()
    await this.#createLanes(system)
    for (const [group, declaration] of this.#declarations) {
      for (const topic of declaration.topics) await this.#declare(topic)
      const parts: GroupParts = {
        app: this.name,
        system,
        sink,
        databaseShare,
        prepareSink: this.#prepareSink,
        database,
        jobs,
        publisher: publish,
        outbox: this.#publishingContext(),
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        observer: this.#observer,
        breakerObserver: this.#breakerObserver,
        memberName: this.#memberName,
        stuckAfterMs: this.#stuckAfterMs,
        fatal: error => this.#fatal(error),
      }
      makers.set(group, () => declaration.ready(parts))
    }
    const { log } = system
    const about = { log, clock: this.#clock, logger: this.#logger, drainMs: PAUSE_DRAIN_MS }
    this.#groups = runningGroups({ ...about, makers })
    await this.#groups.start()
    // Until stop(): a look that fails is left out.
    const { signal } = this.#life
    void this.#progress.watch([...makers.keys()], {
      system,
      clock: this.#clock,
      logger: this.#logger,
      signal,
    })
    if (sink) {
      const parts = { system, sink, jobs, clock: this.#clock, logger: this.#logger }
      this.#stopPruning = startPruning({ ...parts, everyMs: PRUNE_EVERY_MS })
    }
    this.#monitor.declare([...this.#created.keys()], await this.groups())
  }

  #startRelay(system: LogSystem): OutboxRelay | undefined {
    const outbox = this.#sink?.outbox
    return (
      outbox &&
      outboxRelay({
        outbox,
        system,
        owner: `${hostname()}:${process.pid}:${newEventId(this.#clock, this.#random)}`,
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        prepare: this.#prepareSink,
        observer: { relayed: of => this.#monitor.published({ ...of, source: 'outbox' }) },
      })
    )
  }

  /**
   * Before any topic grows: a new partition of it is delivered only where its retry lane is there. Whatever retention
   * somebody gave to lanes and dead letters is taken off: they are kept until their owner deletes what is done.
   */
  async #createLanes(system: LogSystem): Promise<void> {
    for (const [group, { topics }] of this.#declarations)
      for (const { name, partitions } of topics)
        for (const own of [laneTopicOf(name, group), deadTopicOf(name, group)])
          await system.log.topics.create(own, { partitions })
  }

  /** Makes the topic in the log, once; a topic value is its declaration. */
  /** What the log refuses, it refuses at the start; one that is away is asked again by the first event of each topic. */
  async #declareIfThere(topics: readonly AnyTopic[]): Promise<void> {
    const tried = await Promise.allSettled(topics.map(topic => this.#declare(topic)))
    for (const one of tried)
      if (one.status === 'rejected' && !isHoldfastError(one.reason, 'LOG_STALLED', 'LOG_FAILED'))
        throw one.reason
  }

  #declare(topic: AnyTopic): Promise<void> {
    const known = this.#created.get(topic.name)
    if (known) return known
    const created = this.#create(topic)
    this.#created.set(topic.name, created)
    created.catch(() => this.#created.delete(topic.name)) // tried again by the next who needs it
    return created
  }

  async #create({ name, partitions, retainMs, retainBytes, retainChosen }: AnyTopic): Promise<void> {
    const { topics } = this.system.log
    const isNew = (await topics.describe(name)) === undefined
    await topics.create(name, { partitions, retentionMs: retainMs, retentionBytes: retainBytes })
    // Events are deleted some day, and nobody has said when: told on the day when that can still be changed.
    if (isNew && !retainChosen)
      this.#logger.info({ topic: name }, `topic ${name} names no retain: its events are kept for 7 days`)
  }

  #fatal(error: unknown): void {
    const failure =
      error instanceof HoldfastError
        ? error
        : new HoldfastError('INTERNAL', {
            detail: error instanceof Error ? error.message : String(error),
            cause: error,
          })
    this.#logger.error({ code: failure.code, err: failure }, failure.message)
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
    await step(this.#door?.stop(door))
    await step(this.#spool?.close())
    this.#stopPruning?.()
    await step(this.#groupsStart?.giveUp())
    await step(this.#relay?.stop())
    await step(this.#groups?.stop(drainMs))
    this.#database?.close()
    this.#life.abort(notRunning(this.#state))
    await step(this.#jobTopic?.then(jobs => jobs.close()))
    await step(this.#sink?.close())
    await step(this.#system?.close())
    if (failures.length > 0)
      this.#logger.error({ err: failures[0] }, `${this.name} stopped with ${failures.length} errors`)
  }

  async groups(): Promise<readonly GroupStatus[]> {
    const standing = (await this.#groups?.status()) ?? []
    return Promise.all(
      standing.map(async status => {
        const open = await this.dead(status.group).openByTopic()
        return { ...status, deadLetters: [...open.values()].reduce((sum, { letters }) => sum + letters, 0) }
      }),
    )
  }

  dead(group: string): DeadLetters {
    const known = this.#dead.get(group)
    if (known) return known
    const { log } = this.system
    const topics = [...this.#declarations.values()].flatMap(declaration => declaration.topics)
    const dead = deadLetters({
      log,
      group,
      clock: this.#clock,
      random: this.#random,
      by: this.name,
      topicOf: name => topics.find(topic => topic.name === name),
    })
    this.#dead.set(group, dead)
    return dead
  }

  awayBecause(): string | undefined {
    const { state, reason = 'it takes no events' } = this.#spool?.spool.status() ?? {}
    return state === 'SPOOLING' ? reason : this.#groupsStart?.waitsFor
  }

  spoolSeen(): SpoolStatus | undefined {
    return this.#spool?.spool.status()
  }

  outboxSeen(): OutboxStatus | undefined {
    return this.#relay?.seen()
  }

  async replaysSeen(): Promise<readonly ReplayState[]> {
    const jobs = await this.#jobTopic?.catch(() => undefined) // its next opening says why
    return jobs?.book.list() ?? []
  }

  pools(): readonly PoolStatus[] {
    return this.#sink?.pools?.() ?? []
  }

  explain(id: string, options?: ExplainOptions): Promise<Explanation> {
    const { system } = this
    const groups = this.#groups
    const declared = knownGroups(this.declared).map(known => ({
      ...known,
      works: (at: Position) => groups?.runner(known.group).works(at) ?? false,
    }))
    return explainEvent({ system, sink: this.#sink, declared, clock: this.#clock }, id, options)
  }

  breakers(): readonly BreakerStatus[] {
    return this.#dependencies().map(one => one.status())
  }

  #dependencies(): readonly Dependency[] {
    return [...(this.#database ? [this.#database] : []), ...(this.#groups?.dependencies() ?? [])]
  }

  breaker(name: string): BreakerControl {
    const found = this.#dependencies().find(one => one.name === name)
    if (!found)
      throw new HoldfastError('CIRCUIT_UNKNOWN', { detail: `app ${this.name} has no breaker ${name}` })
    return {
      open: (ms, reason) => found.forceOpen(ms, reason),
      close: reason => found.forceClosed(reason),
    }
  }

  group(name: string): GroupControl {
    const groups = this.#groups
    if (!groups || !this.#declarations.has(name)) {
      const known = groups ? [...this.#declarations.keys()].join(', ') : ''
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
}

function notRunning(state: State): HoldfastError {
  return new HoldfastError('APP_NOT_RUNNING', { detail: `the app is ${state}; await app.start() first` })
}
