import { HoldfastError, decodeEvent, isHoldfastError, partitionId, sleep } from '../../event/index.ts'
import {
  failureText,
  noCounts,
  type Assignment,
  type JobCounts,
  type JobTopic,
  type Progress,
  type Range,
} from '../../recover/index.ts'
import type { Lease, Reprocessed, Sink } from '../../sink/index.ts'
import type { GroupContext } from '../group-context.ts'
import type { ResetRange } from '../handlers.ts'
import { DATABASE } from '../settings.ts'

/**
 * A range is run again in three steps, each of which finds what the one before left when a process dies between them.
 *
 * 1. Nothing of the partition runs: its owner was let go. One transaction takes back what the range had done, opens its
 *    generation and keeps how far the job is. Before it nothing has happened; it can be refused or cancelled.
 * 2. The next owner finds the open range and runs it, nothing newer: events of it that wait in the retry lane and letters
 *    of it belong to an older generation, and are closed as superseded. `reprocess-watch.ts` says how far it is.
 * 3. At the end of the range, or when the job is cancelled, that owner is let go, the range is over, and the next one
 *    delivers live events.
 */
export interface ReprocessParts {
  readonly context: GroupContext
  readonly sink: Sink
  readonly lease: Lease
  readonly jobs: JobTopic
  readonly signal: AbortSignal
}

/** Between tries of what failed. */
const RETRY_MS = 1_000

/** The first step. `failed`: nothing was changed, and it is tried again later. */
export async function openRange(
  { job, range }: Assignment,
  { context, sink, lease, jobs, signal }: ReprocessParts,
): Promise<'opened' | 'given up' | { readonly failed: string }> {
  const { settings } = context
  const { reset } = settings
  if (!reset) return { failed: noReset(settings.group) }
  const { topic, partition, from, to } = range
  const about: ResetRange = {
    job: job.job,
    group: settings.group,
    topic,
    partition,
    from,
    to,
    eventIds: () => eventIds(context, range, signal),
  }
  const isWanted = (): boolean => {
    const next = jobs.book.next(settings.group, range)
    return !signal.aborted && next?.job.job === job.job && !next.cancelled
  }
  while (isWanted()) {
    const pass = await context.dependencies.find(one => one.name === DATABASE)?.enter(signal)
    if (!pass) return 'given up'
    try {
      await sink.reprocess(lease, { job: job.job, from, to }, tx => reset(about, tx), signal)
      pass.done('success')
      return 'opened'
    } catch (error) {
      const isAway = !signal.aborted && sink.isOutage(error)
      pass.done(isAway ? 'outage' : 'neither', failureText(error))
      if (signal.aborted || isHoldfastError(error, 'SINK_FENCED')) return 'given up'
      if (!isAway) return { failed: `the reset of ${partitionId(range)} failed: ${failureText(error)}` }
      await sleep(context.clock, RETRY_MS, signal)
    }
  }
  return 'given up'
}

export function noReset(group: string): string {
  return `the policy of group ${group} has no reset, so nobody knows how to take back what the range has done; a group whose effects overwrite what they wrote can have one that does nothing`
}

/** The last step. False when another owns the partition by now. */
export async function closeRange(
  { job }: Reprocessed,
  position: Reprocessed['position'],
  { context, sink, lease, signal }: ReprocessParts,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await sink.reprocessedTo(lease, job, { position, isOver: true })
      return true
    } catch (error) {
      if (isHoldfastError(error, 'SINK_FENCED')) return false
      const facts = { group: context.settings.group, error: failureText(error) }
      context.logger.warn(facts, 'the end of a reprocess could not be written: the partition waits')
      await sleep(context.clock, RETRY_MS, signal)
    }
  }
  return false
}

export interface Word {
  readonly job: string
  readonly range: Pick<Range, 'topic' | 'partition'>
  readonly tenure: string
  readonly position: Range['from']
  readonly state: Progress['state']
  readonly reason?: string | undefined
  readonly counts?: JobCounts
}

/** Says how a job stands, and reads it back; until it is heard where it is the last word. */
export async function say(
  { job, range, tenure, position, state, reason, counts = noCounts }: Word,
  { jobs, context, signal }: Pick<ReprocessParts, 'jobs' | 'context' | 'signal'>,
): Promise<void> {
  const { topic, partition } = range
  const { clock } = context
  const at = clock.now()
  const progress = {
    kind: 'progress',
    job,
    topic,
    partition,
    tenure,
    at,
    position,
    state,
    reason,
    counts,
  } as const
  const isLast = state === 'done' || state === 'cancelled'
  do {
    try {
      await jobs.append(progress)
      return await jobs.caughtUp()
    } catch (error) {
      if (signal.aborted) return
      const facts = {
        group: context.settings.group,
        partition: partitionId(range),
        error: failureText(error),
      }
      context.logger.warn(facts, 'the progress of a replay could not be written')
      await sleep(clock, RETRY_MS, signal)
    }
  } while (isLast && !signal.aborted && !jobs.failed)
}

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

async function* eventIds(
  { log }: GroupContext,
  { topic, partition, from, to }: Range,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  for (let offset = from; offset < to;) {
    const page = await log.read({ topic, partition, offset }, PAGE, signal)
    if (page.next <= offset)
      throw new HoldfastError('INTERNAL', { detail: `${topic}/${partition} ends at ${offset}` })
    yield page.records.flatMap(record => (record.offset < to ? (idOf(record) ?? []) : []))
    offset = page.next
  }
}

/** Undefined for what cannot be read: it has done nothing. */
function idOf(record: Parameters<typeof decodeEvent>[0]): string | undefined {
  try {
    return decodeEvent(record).id
  } catch {
    return undefined
  }
}
