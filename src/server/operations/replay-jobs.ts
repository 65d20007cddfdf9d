import { HoldfastError, silentLogger } from '../../event/index.ts'
import {
  JOB_TOPIC,
  jobTopic,
  replayModes,
  type JobCounts,
  type JobTopic,
  type ReplayMode,
  type ReplayPart,
  type ReplayState,
} from '../../recover/index.ts'
import { replayJobs, type ReplayJobs } from '../replays.ts'
import type { Operation, OperationContext } from './operation.ts'
import { rangeFields, rangeRow, type RangeRow } from './replay-range.ts'
import { choice, digits, nullable, number, object, optional, rows, text, type Fields } from './shape.ts'

export interface ReplayListInput {
  readonly group?: string | undefined
}

export interface ReplaySummary {
  readonly id: string
  readonly group: string
  readonly mode: ReplayMode
  readonly state: ReplayState['state']
  readonly askedAt: number
  readonly endedAt: number | null
  readonly by: string
  readonly reason: string | null
  readonly standsStill: string | null
  readonly ratePerSecond: number | null
  readonly cancelledBy: string | null
  readonly cancelReason: string | null
  readonly counts: JobCounts
}

export interface ReplayList {
  readonly jobs: readonly ReplaySummary[]
}

export interface ReplayDetail extends ReplaySummary {
  readonly parts: readonly PartStanding[]
}

interface PartStanding extends RangeRow {
  readonly position: string
  readonly state: ReplayPart['state']
  readonly reason: string | null
  readonly counts: JobCounts
}

const countFields: Fields<JobCounts> = {
  passed: number('no effect of the group takes them'),
  left: number('they have a dead letter or wait for a retry'),
  known: number('they were applied before'),
  unknown: number('their inbox day is gone, so they were not run'),
  applied: number('they ran, and were applied'),
  skipped: number('onError skipped them; in a reprocess also those that no handler takes'),
  died: number('they ran, and have a dead letter now'),
}

const summaryFields: Fields<ReplaySummary> = {
  id: text('its id'),
  group: text('the group'),
  mode: choice('what is done with the range', replayModes),
  state: choice('where it is', ['waiting', 'running', 'cancelling', 'done', 'cancelled']),
  askedAt: number('when it was asked for'),
  endedAt: nullable(number('when its last partition ended')),
  by: text('who asked for it'),
  reason: nullable(text('why', { max: 10_000 })),
  standsStill: nullable(text('why a part of it stands still', { max: 10_000 })),
  ratePerSecond: nullable(number('events a second at most')),
  cancelledBy: nullable(text('who cancelled it')),
  cancelReason: nullable(text('why it was cancelled', { max: 10_000 })),
  counts: object<JobCounts>(countFields),
}

const detail = object<ReplayDetail>({
  ...summaryFields,
  parts: rows(
    object<PartStanding>({
      ...rangeFields,
      position: digits('everything below it has its outcome'),
      state: choice('where it is', ['waiting', 'running', 'waits', 'done', 'cancelled']),
      reason: nullable(text('why it stands still', { max: 10_000 })),
      counts: object<JobCounts>(countFields),
    }),
  ),
})

export const replayList: Operation<ReplayListInput, ReplayList> = {
  name: 'replay.list',
  summary: 'list replays, running and ended, newest first',
  role: 'viewer',
  effect: 'none',
  input: object<ReplayListInput>({ group: optional(text('only those of one group')) }),
  output: object<ReplayList>({ jobs: rows(object<ReplaySummary>(summaryFields)) }),
  async run(context, { group }) {
    const jobs = await withJobs(context, all => all.list())
    return { jobs: jobs.filter(job => group === undefined || job.group === group).map(summaryOf) }
  },
}

export const replayShow: Operation<{ readonly id: string }, ReplayDetail> = {
  name: 'replay.show',
  summary: 'show a replay: where it stands in each partition, and what became of its events',
  role: 'viewer',
  effect: 'none',
  input: object<{ readonly id: string }>({ id: text('its id') }),
  output: detail,
  run: async (context, { id }) => detailOf(await withJobs(context, all => all.show(id))),
}

export const replayCancel: Operation<{ readonly id: string }, ReplayDetail> = {
  name: 'replay.cancel',
  summary: 'let a replay begin nothing more; what it applied stays',
  role: 'operator',
  effect: 'change',
  input: object<{ readonly id: string }>({ id: text('its id') }),
  output: detail,
  async run(context, { id }) {
    const { actor, reason = '' } = context
    return withJobs(context, async all => {
      await all.cancel(id, { by: actor.name, reason })
      return detailOf(await all.show(id))
    })
  },
}

/** Those of the running app, else the log's own records. */
async function withJobs<T>(context: OperationContext, use: (jobs: ReplayJobs) => Promise<T>): Promise<T> {
  const { app, system, clock, random, actor } = context
  if (app) return use(app.jobs())
  const { groups } = system
  return withJobTopic(context, jobs =>
    use(jobs ? replayJobs({ jobs, groups, clock, random, process: actor.name }) : none),
  )
}

/** The log's own records of replays, read; undefined where none was ever asked for. */
export async function withJobTopic<T>(
  { system: { log }, clock }: Pick<OperationContext, 'system' | 'clock'>,
  use: (jobs: JobTopic | undefined) => Promise<T>,
): Promise<T> {
  // Whoever only looks makes no topic.
  if ((await log.topics.describe(JOB_TOPIC)) === undefined) return use(undefined)
  const jobs = await jobTopic({ log, clock, logger: silentLogger })
  try {
    return await use(jobs)
  } finally {
    await jobs.close()
  }
}

const unknown = (id: string): Promise<never> =>
  Promise.reject(new HoldfastError('JOB_UNKNOWN', { detail: id }))
const none: ReplayJobs = { list: () => Promise.resolve([]), show: unknown, cancel: unknown }

function summaryOf(job: ReplayState): ReplaySummary {
  const { id, group, mode, state, askedAt, endedAt, by, reason, ratePerSecond, cancelled, counts } = job
  return {
    id,
    group,
    mode,
    state,
    askedAt,
    endedAt: endedAt ?? null,
    by,
    reason: reason || null,
    standsStill: job.parts.find(part => part.state === 'waits')?.reason ?? null,
    ratePerSecond: ratePerSecond ?? null,
    cancelledBy: cancelled?.by ?? null,
    cancelReason: cancelled?.reason || null,
    counts,
  }
}

function detailOf(job: ReplayState): ReplayDetail {
  const parts = job.parts.map(part => ({
    ...rangeRow(part),
    position: String(part.position),
    state: part.state,
    reason: part.reason ?? null,
    counts: part.counts,
  }))
  return { ...summaryOf(job), parts }
}
