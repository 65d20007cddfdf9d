import type { Clock, Logger, Position } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { JobTopic } from '../recover/index.ts'
import { oldestParked } from '../recover/lane/index.ts'
import type { Sink } from '../sink/index.ts'

/** What pruning needs of an app. */
export interface PruningOptions {
  readonly system: Pick<LogSystem, 'log' | 'groups'>
  readonly sink: Pick<Sink, 'prune' | 'outbox'>
  /** Replays that have not ended need the days of what they have still to do. */
  readonly jobs: JobTopic | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Between two looks, milliseconds. */
  readonly everyMs: number
}

/**
 * Between the accept time of an event and the time at which it is appended, at most: an event derived from a late one
 * carries the accept time of its cause. Also what a sender's corrected clock may be off.
 */
const MARGIN_MS = 24 * 60 * 60 * 1_000

/**
 * Lets the inbox forget days that no group on this log has still to read, every `everyMs`. Answers what ends it.
 *
 * A group that derives events passes its backlog on to the groups behind it, so one look could fall between its last
 * commit and their first lag. A day goes only when two looks in a row say that nobody needs it.
 */
export function startPruning(options: PruningOptions): () => void {
  const { clock, sink, system, jobs, logger, everyMs } = options
  let before: number | undefined
  let failing = false
  let cancel = clock.after(everyMs, look)

  function look(): void {
    void (async () => {
      try {
        const replayed = await replayedFrom(jobs)
        const now = Math.min(await neededFrom(system, clock, replayed), await pendingFrom(sink))
        if (before !== undefined) await sink.prune(Math.min(before, now))
        before = now
        failing = false
      } catch (error) {
        // Days that stay cost disk and nothing else; the database's own outage is told by its breaker.
        if (!failing) logger.warn({ err: error }, 'the inbox keeps its old days for now')
        failing = true
      }
      cancel = clock.after(everyMs, look)
    })()
  }
  return () => cancel()
}

/** Accept time from which on somebody may still run an event for the first time, with the margin taken off. */
export async function neededFrom(
  { log, groups }: PruningOptions['system'],
  clock: Clock,
  replayed: readonly Position[],
): Promise<number> {
  let oldest = clock.now()
  const all = await groups.list()
  const committed = await Promise.all(all.map(group => groups.describe(group)))
  const places = committed.flatMap(group =>
    group.partitions.map(({ topic, partition, committed }) => ({ topic, partition, offset: committed })),
  )
  for (const { topic, partition, offset } of [...places, ...replayed]) {
    const { start, end } = await log.bounds({ topic, partition })
    const next = offset !== undefined && offset > start ? offset : start
    if (next >= end) continue
    const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    const page = await log.read({ topic, partition, offset: next }, limits, new AbortController().signal)
    const [first] = page.records
    if (first) oldest = Math.min(oldest, first.timestamp, Number(first.headers['hf-at'] ?? first.timestamp))
  }
  // Behind the positions: what one of them has passed stands in its lane by now.
  for (const group of all)
    for (const at of await groups.committed(group))
      oldest = Math.min(oldest, await oldestParked(log, group, at))
  return oldest - MARGIN_MS
}

/** Where replays go on. */
async function replayedFrom(jobs: JobTopic | undefined): Promise<readonly Position[]> {
  await jobs?.caughtUp()
  const open = jobs?.book.list().filter(job => job.endedAt === undefined && !job.cancelled) ?? []
  return open.flatMap(({ parts }) =>
    parts
      .filter(part => part.state !== 'done')
      .map(({ topic, partition, position }) => ({ topic, partition, offset: position })),
  )
}

/** Rows of the outbox carry their accept time, and are read from the log for the first time after they were moved. */
async function pendingFrom({ outbox }: PruningOptions['sink']): Promise<number> {
  const oldest = (await outbox?.status())?.oldestAt
  return oldest === undefined ? Infinity : oldest - MARGIN_MS
}
