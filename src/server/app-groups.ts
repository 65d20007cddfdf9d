import {
  DATABASE,
  PROBE_TIMEOUT_MS,
  limiter,
  type ConsumeObserver,
  type GroupDeclaration,
  type GroupParts,
} from '../consume/index.ts'
import type { OutboxContext } from '../outbox/index.ts'
import type { Publisher } from '../publish/index.ts'
import {
  dependency,
  resolveBreakerOptions,
  type BreakerObserver,
  type Dependency,
  type JobTopic,
} from '../recover/index.ts'
import type { Sink } from '../sink/index.ts'
import type { AppContext } from './app-context.ts'
import type { DeclaredTopics } from './declared-topics.ts'
import type { GroupProgress } from './group-progress.ts'
import { startPruning } from './inbox-pruning.ts'
import { runningGroups, type MadeGroup, type RunningGroups } from './running-groups.ts'
import { startOnceThere, type StartOnceThere } from './start-once-there.ts'

/** How often old days of the inbox are looked for. */
const PRUNE_EVERY_MS = 60 * 60 * 1_000
/** How long handlers of a group that is paused may go on. */
const PAUSE_DRAIN_MS = 10_000

export interface AppGroupsParts {
  readonly context: AppContext
  /** By the names of the groups. */
  readonly declarations: ReadonlyMap<string, GroupDeclaration>
  readonly topics: DeclaredTopics
  readonly publisher: Publisher
  readonly outbox: () => OutboxContext
  readonly jobs: () => Promise<JobTopic>
  readonly observer: ConsumeObserver
  readonly breakerObserver: BreakerObserver
  readonly stuckAfterMs: number
  readonly progress: GroupProgress
  /** Somebody deletes the topic: what this process has in mind of it is of no use any more. */
  readonly forgetTopic: (topic: string) => void
  /** All have joined, but those that are paused. */
  readonly joined: () => Promise<void>
  /** The process must end. */
  readonly fatal: (error: unknown) => void
}

/** The groups of an app in this process, with what is theirs alone: the breaker of the database, and the pruning of the inbox. */
export class AppGroups {
  readonly #o: AppGroupsParts
  readonly #suspects = limiter(1)
  #running: RunningGroups | undefined
  #database: Dependency | undefined
  #stopPruning: (() => void) | undefined
  /** On a log that may have been away at the start. */
  #onceThere: StartOnceThere | undefined

  constructor(parts: AppGroupsParts) {
    this.#o = parts
  }

  /** Undefined until they have been made. */
  get running(): RunningGroups | undefined {
    return this.#running
  }

  /** Why they have not started yet. */
  get waitsFor(): string | undefined {
    return this.#onceThere?.waitsFor
  }

  dependencies(): readonly Dependency[] {
    return [...(this.#database ? [this.#database] : []), ...(this.#running?.dependencies() ?? [])]
  }

  async start(): Promise<void> {
    const { context, declarations, topics, progress, forgetTopic } = this.#o
    const { system, sink, clock, logger, life } = context
    this.#database = sink && this.#watch(sink)
    const jobs = this.#sharing > 0 ? await this.#o.jobs() : undefined
    await topics.makeLanes(declarations)
    const makers = new Map<string, () => MadeGroup>()
    for (const [group, declaration] of declarations) {
      for (const topic of declaration.topics) await topics.declare(topic)
      const parts = this.#partsOf(jobs)
      makers.set(group, () => declaration.ready(parts))
    }
    this.#running = runningGroups({
      log: system.log,
      groups: system.groups,
      clock,
      logger,
      drainMs: PAUSE_DRAIN_MS,
      makers,
      prepare: group => this.#prepare(group),
      forgetTopic: topic => {
        topics.forget(topic)
        forgetTopic(topic)
      },
    })
    await this.#running.start()
    await this.#o.joined()
    // What goes on until stop() comes last: a start that fails before may be made again. A look that fails is left out.
    void progress.watch([...makers.keys()], { system, clock, logger, signal: life })
    if (sink) this.#stopPruning = startPruning({ system, sink, jobs, clock, logger, everyMs: PRUNE_EVERY_MS })
  }

  /** As {@link start}; when the log, on other machines, is away, they start as soon as it is there. */
  async startOnceThere(): Promise<void> {
    const { context, fatal } = this.#o
    const { system, clock, logger } = context
    const start = async (): Promise<void> => {
      try {
        await this.start()
      } catch (error) {
        await this.#running?.stop(0).catch(() => {})
        this.#running = undefined
        this.#database?.close()
        throw error
      }
    }
    this.#onceThere = startOnceThere({ answers: () => system.log.topics.list(), start, clock, logger })
    void this.#onceThere.failed.then(fatal)
    await this.#onceThere.tried
  }

  /** Nothing starts any more, and no day of the inbox goes. */
  async giveUp(): Promise<void> {
    await this.#onceThere?.giveUp()
    this.#stopPruning?.()
  }

  /** Drains, commits, leaves. */
  async stop(drainMs: number): Promise<void> {
    try {
      await this.#running?.stop(drainMs)
    } finally {
      this.#database?.close()
    }
  }

  async #prepare(group: string): Promise<void> {
    const { declarations, topics } = this.#o
    const declaration = declarations.get(group)
    if (!declaration) return
    await topics.makeLanes(new Map([[group, declaration]]))
    for (const topic of declaration.topics) await topics.declare(topic)
  }

  /** How many groups share the connections of the database. */
  get #sharing(): number {
    return [...this.#o.declarations.values()].filter(group => group.usesDatabase).length
  }

  #watch(sink: Sink): Dependency {
    const { clock, random, logger } = this.#o.context
    return dependency({
      name: DATABASE,
      probe: signal => sink.probe(signal),
      breaker: resolveBreakerOptions({}, 'db'),
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      clock,
      random,
      logger,
      observer: this.#o.breakerObserver,
    })
  }

  #partsOf(jobs: JobTopic | undefined): GroupParts {
    const { context, publisher, outbox, observer, breakerObserver, stuckAfterMs, fatal } = this.#o
    const { app, system, sink, prepareSink, clock, random, logger, memberName } = context
    return {
      app,
      system,
      sink,
      databaseShare: Math.max(1, Math.floor((sink?.maxConcurrent ?? 0) / Math.max(1, this.#sharing))),
      prepareSink,
      database: this.#database,
      jobs,
      publisher,
      outbox: outbox(),
      clock,
      random,
      logger,
      observer,
      breakerObserver,
      memberName,
      suspects: this.#suspects,
      deletedAt: topic => this.#running?.deletedAt(topic),
      stuckAfterMs,
      fatal,
    }
  }
}
