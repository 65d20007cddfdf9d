import type { Offset } from '../event/index.ts'
import type { Lease, Reprocessed, Sink } from '../sink/index.ts'

/**
 * Which generation an event of a partition has: 0, or that of the last replay which reprocessed its place. Whatever is
 * done to the event, now or in a year, is done in that one.
 */
export interface Generations {
  readonly of: (origin: Offset) => number
  /** For its ids. Undefined for a group without effects. */
  lease(origin: Offset): Lease | undefined
  /** What is known of a job here. */
  find(job: string): Reprocessed | undefined
  /** The range that is being run again: until it is over nothing newer is delivered. */
  readonly open: Reprocessed | undefined
}

/** `ranges` as the sink gives them: of two that overlap the later one counts. */
export function generationIn(ranges: readonly Reprocessed[]): (origin: Offset) => number {
  const end = ranges.reduce((end, { to }) => (to > end ? to : end), 0n)
  return origin => {
    if (origin >= end) return 0 // nearly all
    return ranges.findLast(({ from, to }) => origin >= from && origin < to)?.generation ?? 0
  }
}

/** Where nothing was ever reprocessed. */
export const firstGeneration: Generations = Object.freeze({
  of: () => 0,
  lease: () => undefined,
  find: () => undefined,
  open: undefined,
})

/** `start`: where the log begins; what retention took from an open range cannot be run again. */
export async function generations(
  sink: Sink | undefined,
  lease: Lease | undefined,
  start: Offset,
): Promise<Generations> {
  if (!sink || !lease) return firstGeneration
  const ranges = await sink.reprocessed(lease)
  const leases = new Map([[lease.generation, lease]])
  for (const { generation } of ranges) leases.set(generation, await sink.inGeneration(lease, generation))
  const of = generationIn(ranges)
  const open = ranges.find(range => !range.isOver)
  return {
    of,
    lease: origin => leases.get(of(origin)),
    find: job => ranges.find(range => range.job === job),
    open: open && { ...open, position: open.position > start ? open.position : start },
  }
}
