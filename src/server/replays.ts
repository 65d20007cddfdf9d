import {
  fillRanges,
  planReplay,
  reprocessRanges,
  type GroupSettings,
  type ReplayPlan,
  type ReplayScope,
} from '../consume/index.ts'
import {
  HoldfastError,
  newEventId,
  parseRate,
  partitionId,
  type Clock,
  type Random,
  type Rate,
} from '../event/index.ts'
import type { Groups, LogSystem } from '../log/index.ts'
import {
  noCounts,
  type JobTopic,
  type Range,
  type ReplayMode,
  type ReplayPart,
  type ReplayRange,
  type ReplayState,
} from '../recover/index.ts'
import { newTenureId } from '../recover/lane/index.ts'
import type { Sink } from '../sink/index.ts'

export interface ReplayJobOptions extends ReplayRange {
  /**
   * `fill` applies the effects that are missing: of types that had no handler then, of events from before the group
   * began or that `onError` skipped. What the inbox knows does not run again, nor does what has a dead letter or waits
   * for a retry. The filled events come after newer ones of their key. Only `.effect` and `.effectBatch` run.
   *
   * `reprocess` runs the whole range again, in order, with every handler: after the group's `reset` has taken back what
   * it had done. Each partition delivers nothing newer until it has come to the end of its range. Needs `reset` in the
   * group's policy.
   */
  readonly mode: ReplayMode
  /** Events a second over all partitions, for example `'500/s'`. Defaults to what live events leave. */
  readonly rate?: Rate | undefined
  /** Kept with the job. */
  readonly reason?: string | undefined
  /** Who wants it, for people. Defaults to this process. */
  readonly by?: string | undefined
  /** Counts what would run, and runs nothing. */
  readonly dryRun?: boolean | undefined
  /** Ends a dry run, which reads the whole range. */
  readonly signal?: AbortSignal | undefined
}

/** A replay that was asked for. It goes on without this process, in whichever owns the partitions. */
export interface ReplayJob {
  readonly id: string
  progress(): Promise<ReplayState>
  /** Nothing more begins; what was applied stays. The state says where each partition stands. */
  cancel(why?: { readonly reason?: string; readonly by?: string }): Promise<void>
  /** When every partition has said its last word. Rejects with `APP_NOT_RUNNING` when the app stops before. */
  readonly done: Promise<ReplayState>
}

/** The replays of the log, running and ended. */
export interface ReplayJobs {
  /** Newest first. */
  list(): Promise<readonly ReplayState[]>
  /** Rejects with `JOB_UNKNOWN`, as `cancel` does. */
  show(id: string): Promise<ReplayState>
  cancel(id: string, why?: { readonly reason?: string; readonly by?: string }): Promise<void>
}

export interface ReplayJobsOptions {
  /** One that is read. */
  readonly jobs: JobTopic
  readonly groups: Groups
  readonly clock: Clock
  readonly random: Random
  /** Who asks when nobody else is named. */
  readonly process: string
}

export function replayJobs({ jobs, groups, clock, random, process }: ReplayJobsOptions): ReplayJobs {
  const show = async (id: string): Promise<ReplayState> => {
    await jobs.caughtUp()
    const found = jobs.book.find(id)
    if (!found) throw new HoldfastError('JOB_UNKNOWN', { detail: id })
    return found
  }
  return {
    async list() {
      await jobs.caughtUp()
      return jobs.book.list()
    },
    show,
    async cancel(id, { reason = '', by = process } = {}) {
      await show(id)
      await jobs.append({ kind: 'cancel', job: id, at: clock.now(), by, reason })
      await jobs.caughtUp()
      await endUnowned(await show(id))
    },
  }

  /**
   * Where nobody owns a partition nobody would say the last word about it, perhaps for ever. Whoever takes it over from now
   * on reads the cancel before anything else, so it is said here where the part stands.
   */
  async function endUnowned({ id, group, parts }: ReplayState): Promise<void> {
    const { partitions } = await groups.describe(group)
    const owned = new Set(partitions.filter(({ owner }) => owner !== undefined).map(partitionId))
    const unowned = parts.filter(part => isOpen(part) && !owned.has(partitionId(part)))
    await endParts(id, unowned, { jobs, clock, random })
  }
}

/** Replays that have something left to do in the topic. */
export async function replaysIn(topic: string, jobs: JobTopic): Promise<readonly ReplayState[]> {
  await jobs.caughtUp()
  return jobs.book.list().filter(({ parts }) => parts.some(part => part.topic === topic && isOpen(part)))
}

/** Ends what replays have left to do in a topic that nobody owns a partition of, where they stand. */
export async function endReplaysIn(topic: string, ending: Ending): Promise<void> {
  for (const { id, parts } of await replaysIn(topic, ending.jobs))
    await endParts(
      id,
      parts.filter(part => part.topic === topic && isOpen(part)),
      ending,
    )
}

type Ending = Pick<ReplayJobsOptions, 'jobs' | 'clock' | 'random'>

/** Says the last word about them in the place of their owners. */
async function endParts(
  job: string,
  parts: readonly ReplayPart[],
  { jobs, clock, random }: Ending,
): Promise<void> {
  const tenure = newTenureId(random)
  const word = { kind: 'progress', state: 'cancelled', reason: undefined, counts: noCounts } as const
  for (const { topic, partition, position } of parts)
    await jobs.append({ ...word, job, tenure, at: clock.now(), topic, partition, position })
  await jobs.caughtUp()
}

function isOpen({ state }: ReplayPart): boolean {
  return state !== 'done' && state !== 'cancelled'
}

export interface ReplaysOptions {
  readonly system: LogSystem
  readonly sink: Sink | undefined
  readonly prepareSink: () => Promise<void>
  readonly jobs: JobTopic
  readonly settingsOf: (group: string) => GroupSettings | undefined
  readonly clock: Clock
  readonly random: Random
  /** Who asks when nobody else is named. */
  readonly process: string
  /** Aborts when the app stops. */
  readonly life: AbortSignal
}

/** Asking for replays. The work is done by the owners of the partitions. */
export class Replays {
  readonly jobs: ReplayJobs
  readonly #o: ReplaysOptions

  constructor(options: ReplaysOptions) {
    this.#o = options
    this.jobs = replayJobs({ ...options, groups: options.system.groups })
  }

  /** Throws `REPLAY_REFUSED` or `CONFIG_INVALID`, and nothing was asked for. */
  async plan(group: string, options: ReplayJobOptions): Promise<ReplayPlan> {
    const scope = await this.#scope(group)
    const ranges = await rangesOf(scope, options)
    return planReplay(options.mode, scope, ranges, options.signal ?? this.#o.life)
  }

  /** Durable when it resolves. Throws as {@link plan} does. */
  async ask(group: string, options: ReplayJobOptions): Promise<ReplayJob> {
    const { jobs, clock, random, process } = this.#o
    const { rate, mode, reason = '', by = process } = options
    const ratePerSecond = rate === undefined ? undefined : parseRate(rate, `replay of ${group}: rate`)
    const ranges = await rangesOf(await this.#scope(group), options)
    const job = newEventId(clock, random)
    const at = clock.now()
    await jobs.append({ kind: 'asked', job, group, mode, ratePerSecond, ranges, at, by, reason })
    await jobs.caughtUp()
    return this.#handle(job)
  }

  #handle(id: string): ReplayJob {
    const done = this.#ended(id)
    done.catch(() => {}) // not everybody waits for it
    return { id, progress: () => this.jobs.show(id), cancel: why => this.jobs.cancel(id, why), done }
  }

  async #ended(id: string): Promise<ReplayState> {
    const { jobs, life } = this.#o
    for (;;) {
      // Found and waited for in one turn, or a change in between would be missed.
      const state = jobs.book.find(id)
      if (state?.endedAt !== undefined) return state
      life.throwIfAborted()
      if (jobs.failed) await jobs.caughtUp() // rejects with why
      await jobs.changed(life)
    }
  }

  async #scope(group: string): Promise<ReplayScope> {
    const { system, sink, settingsOf, prepareSink } = this.#o
    const settings = settingsOf(group)
    if (!settings) {
      throw new HoldfastError('CONFIG_INVALID', { detail: `this app has no group ${JSON.stringify(group)}` })
    }
    if (!sink)
      throw new HoldfastError('REPLAY_REFUSED', { detail: `group ${group}: the app has no database` })
    await prepareSink()
    return { log: system.log, sink, settings, committed: await system.groups.committed(group) }
  }
}

function rangesOf(scope: ReplayScope, options: ReplayJobOptions): Promise<readonly Range[]> {
  if (options.mode === 'fill') return fillRanges(scope, options)
  if (options.mode === 'reprocess') return reprocessRanges(scope, options)
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `replay of ${scope.settings.group}: mode must be 'fill' or 'reprocess', got ${String(options.mode)}`,
  })
}
