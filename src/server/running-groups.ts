import type { GroupRunner } from '../consume/index.ts'
import { HoldfastError, isHoldfastError, sleep, type Clock, type Logger } from '../event/index.ts'
import type { Groups as LogGroups, Log } from '../log/index.ts'
import type { Dependency } from '../recover/index.ts'
import {
  decide,
  decisionsSoFar,
  followDecisions,
  type Decision,
  type GroupDecision,
} from './group-control.ts'

/** A runner that has not joined yet, with the dependencies of its group alone. */
export interface MadeGroup {
  readonly runner: GroupRunner
  readonly dependencies: readonly Dependency[]
}

/** What a runner knows of its group. */
type RunnerStatus = Awaited<ReturnType<GroupRunner['status']>>

export interface RunningGroupsOptions {
  /** All groups of the app, and how to make the runner of each: a paused one is made anew when it goes on. */
  readonly makers: ReadonlyMap<string, () => MadeGroup>
  /** Makes the topics of a group where they are not there: before one goes on that was paused. */
  readonly prepare: (group: string) => Promise<void>
  /** Somebody deletes the topic: what this process has in mind of it is of no use any more. */
  readonly forgetTopic: (topic: string) => void
  readonly log: Log
  readonly groups: Pick<LogGroups, 'keep'>
  readonly clock: Clock
  readonly logger: Logger
  /** How long the handlers of a group that is paused may go on. */
  readonly drainMs: number
}

/**
 * The groups that run in this process, and those that do not because somebody paused them. A paused group is no member
 * in the log: nobody owns its partitions, so that its positions can be reset.
 */
export interface RunningGroups {
  /** Joins all groups but those that are paused, and heeds from then on what is decided about them. */
  start(): Promise<void>
  /** Throws `CONFIG_INVALID` for a group that the app has not declared. */
  runner(group: string): GroupRunner
  pause(group: string, reason: string, by: string): Promise<void>
  /** `allowDeadForMs` lets events die in a flood for so long. */
  resume(group: string, by: string, allowDeadForMs: number | undefined): Promise<void>
  status(): Promise<readonly RunnerStatus[]>
  dependencies(): readonly Dependency[]
  /** Where the last decision to delete the topic stands; undefined for one that nobody has deleted. */
  deletedAt(topic: string): bigint | undefined
  /** Drains, commits, leaves. */
  stop(drainMs: number): Promise<void>
}

export function runningGroups(options: RunningGroupsOptions): RunningGroups {
  return new Groups(options)
}

const DAY_MS = 86_400_000
const SOON_MS = 10 * 60_000

interface Entry {
  runner: GroupRunner
  dependencies: readonly Dependency[]
  readonly make: () => MadeGroup
  /** Where the last decision stands that was applied, or is about to be. */
  decidedAt: bigint
  /** Whether it has joined, or is about to. */
  isJoined: boolean
  /** Joining and leaving, one after the other. Never rejects. */
  turn: Promise<void>
}

class Groups implements RunningGroups {
  readonly #o: RunningGroupsOptions
  readonly #entries = new Map<string, Entry>()
  /** By topic. */
  readonly #deleted = new Map<string, bigint>()
  readonly #life = new AbortController()

  constructor(options: RunningGroupsOptions) {
    this.#o = options
    for (const [group, make] of options.makers)
      this.#entries.set(group, { ...make(), make, decidedAt: -1n, isJoined: false, turn: Promise.resolve() })
  }

  async start(): Promise<void> {
    const { log, clock, logger } = this.#o
    const { paused, deleted, next } = await decisionsSoFar(log, this.#life.signal)
    for (const [topic, at] of deleted) this.#deleted.set(topic, at)
    for (const [group, entry] of this.#entries) {
      const decision = paused.get(group)
      if (decision) {
        entry.runner.pause(decision.reason)
        logger.info({ group, by: decision.by }, `${group} stays paused: ${decision.reason}`)
        continue
      }
      entry.isJoined = true
      await entry.runner.start()
    }
    void this.#keepPaused()
    // Until stop(): what fails there is told and tried again.
    void followDecisions(next, {
      log,
      clock,
      signal: this.#life.signal,
      decided: (decision, at) => this.#heed(decision, at),
      failed: error =>
        logger.warn({ err: error }, 'what was decided about groups cannot be read; trying again'),
    })
  }

  /**
   * Soon, for a process may never live for a day, and then daily. Not at once: whoever starts a process with a paused group may
   * be about to reset it, and is refused while somebody is in it.
   */
  async #keepPaused(): Promise<void> {
    const { groups, clock, logger } = this.#o
    const { signal } = this.#life
    for (let wait = SOON_MS; groups.keep && !signal.aborted; wait = DAY_MS) {
      await sleep(clock, wait, signal)
      for (const [group, { isJoined }] of this.#entries) {
        if (isJoined || signal.aborted) continue
        await groups.keep(group).catch((error: unknown) => {
          if (!signal.aborted)
            logger.warn({ group, err: error }, 'the log may forget the positions of a paused group some day')
        })
      }
    }
  }

  runner(group: string): GroupRunner {
    return this.#entry(group).runner
  }

  async pause(group: string, reason: string, by: string): Promise<void> {
    const entry = this.#entry(group)
    const decision = { kind: 'paused', group, by, at: this.#o.clock.now(), reason } as const
    this.#apply(decision, await decide(this.#o.log, decision))
    await entry.turn
  }

  async resume(group: string, by: string, allowDeadForMs: number | undefined): Promise<void> {
    const entry = this.#entry(group)
    const at = this.#o.clock.now()
    const allowDeadUntil = allowDeadForMs === undefined ? null : at + allowDeadForMs
    const decision = { kind: 'resumed', group, by, at, allowDeadUntil } as const
    this.#apply(decision, await decide(this.#o.log, decision))
    await entry.turn
  }

  status(): Promise<readonly RunnerStatus[]> {
    return Promise.all([...this.#entries.values()].map(({ runner }) => runner.status()))
  }

  dependencies(): readonly Dependency[] {
    return [...this.#entries.values()].flatMap(({ dependencies }) => dependencies)
  }

  deletedAt(topic: string): bigint | undefined {
    return this.#deleted.get(topic)
  }

  async stop(drainMs: number): Promise<void> {
    this.#life.abort()
    const stopped = [...this.#entries.values()].map(async entry => {
      // One that goes on just now has to have joined before it can leave.
      await entry.turn
      await entry.runner.stop(drainMs)
    })
    await Promise.all(stopped)
    for (const one of this.dependencies()) one.close()
  }

  #heed(decision: Decision, at: bigint): void {
    if (decision.kind === 'deleted') this.#forget(decision.topic, at)
    else this.#apply(decision, at)
  }

  #forget(topic: string, at: bigint): void {
    if (at <= (this.#deleted.get(topic) ?? -1n)) return
    this.#deleted.set(topic, at)
    this.#o.forgetTopic(topic)
  }

  /** A decision of this process comes twice, at once and when it is read; and then later ones were applied already. */
  #apply(decision: GroupDecision, at: bigint): void {
    const entry = this.#entries.get(decision.group)
    if (!entry || at <= entry.decidedAt || this.#life.signal.aborted) return
    entry.decidedAt = at
    const before = entry.turn
    const step = async (): Promise<void> => {
      await before
      if (this.#life.signal.aborted) return
      if (decision.kind === 'paused') await this.#stepAside(entry, decision.reason)
      if (decision.kind === 'resumed') await this.#goOn(entry, decision.allowDeadUntil)
    }
    entry.turn = step().catch((error: unknown) => {
      if (isHoldfastError(error, 'LOG_CLOSED')) return
      this.#o.logger.error(
        { group: decision.group, err: error },
        `${decision.group} cannot be ${decision.kind}`,
      )
    })
  }

  /** The successor that waits is made at once: it can say where the group stands while nobody works on it. */
  async #stepAside(entry: Entry, reason: string): Promise<void> {
    if (!entry.isJoined) return
    entry.isJoined = false
    await entry.runner.stop(this.#o.drainMs)
    for (const one of entry.dependencies) one.close()
    Object.assign(entry, entry.make())
    entry.runner.pause(reason)
    this.#o.logger.info({ group: entry.runner.group }, `${entry.runner.group} is paused: ${reason}`)
  }

  async #goOn(entry: Entry, allowDeadUntil: number | null): Promise<void> {
    const left = allowDeadUntil === null ? 0 : allowDeadUntil - this.#o.clock.now()
    // Also for one that was not paused by anybody: a flood of dead letters stops it by itself.
    entry.runner.resume(left > 0 ? { allowDeadForMs: left } : {})
    if (entry.isJoined) return
    entry.isJoined = true
    // Its topic may have been deleted while it was paused, which is read here a moment later than the word to go on.
    const { deleted } = await decisionsSoFar(this.#o.log, this.#life.signal)
    for (const [topic, at] of deleted) this.#forget(topic, at)
    await this.#o.prepare(entry.runner.group)
    await entry.runner.start()
    this.#o.logger.info({ group: entry.runner.group }, `${entry.runner.group} goes on`)
  }

  #entry(group: string): Entry {
    const entry = this.#entries.get(group)
    if (entry) return entry
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `there is no running group ${JSON.stringify(group)}, only ${[...this.#entries.keys()].join(', ') || 'none'}`,
    })
  }
}
