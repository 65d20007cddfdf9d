import { HoldfastError, type Offset, type Position, type TopicPartition } from '../../event/index.ts'
import type { Committed, Log } from '../../log/index.ts'
import type { Range } from './job-record.ts'

/** Which events are run again, and which of them a group is done with. */
export interface ReplayRange {
  /** The first: `'earliest'` kept, a time (of the log, not of the sender), or one position, which names one partition. */
  readonly from: 'earliest' | Date | Position
  /** Below it: a time, or a position in the same partition. Undefined: up to where the group is. */
  readonly to?: Date | Position | undefined
}

/**
 * The ranges of a replay, partition by partition, none of them empty. They end where the group is at the latest: what
 * lies above, it has still to do anyway. `CONFIG_INVALID` for a range that cannot be.
 */
export async function replayRanges(
  log: Log,
  group: { readonly name: string; readonly partitions: readonly TopicPartition[] },
  committed: readonly Committed[],
  { from, to }: ReplayRange,
): Promise<readonly Range[]> {
  check(group, from, to)
  const only = isPosition(from) ? from : undefined
  const ranges: Range[] = []
  for (const { topic, partition } of group.partitions) {
    if (only && (only.topic !== topic || only.partition !== partition)) continue
    const done = committed.find(one => one.topic === topic && one.partition === partition)
    if (!done) continue
    const { start } = await log.bounds({ topic, partition })
    const wanted = from === 'earliest' ? start : await offsetOf(log, { topic, partition }, from)
    const first = wanted > start ? wanted : start
    const last = to === undefined ? done.offset : await offsetOf(log, { topic, partition }, to)
    const end = last < done.offset ? last : done.offset
    if (first < end) ranges.push({ topic, partition, from: first, to: end })
  }
  return ranges
}

function check(
  { name, partitions }: { readonly name: string; readonly partitions: readonly TopicPartition[] },
  from: ReplayRange['from'],
  to: ReplayRange['to'],
): void {
  const refuse = (detail: string): never => {
    throw new HoldfastError('CONFIG_INVALID', { detail: `replay of ${name}: ${detail}` })
  }
  for (const [option, value] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (value instanceof Date && Number.isNaN(value.getTime())) refuse(`${option} is no valid time`)
  }
  if (from instanceof Date && to instanceof Date && from >= to)
    refuse(`from ${from.toISOString()} must lie before to ${to.toISOString()}`)
  const position = isPosition(from) ? from : undefined
  if (
    position &&
    !partitions.some(one => one.topic === position.topic && one.partition === position.partition)
  )
    refuse(`from names ${position.topic}/${position.partition}, which is no partition of the group`)
  if (to === undefined || to instanceof Date) return
  if (position?.topic !== to.topic || position.partition !== to.partition)
    refuse('to can be a position only in the partition that from names')
  if (position && position.offset >= to.offset) refuse('from must lie below to')
}

function isPosition(from: ReplayRange['from']): from is Position {
  return from !== 'earliest' && !(from instanceof Date)
}

async function offsetOf(log: Log, tp: TopicPartition, at: Date | Position): Promise<Offset> {
  return at instanceof Date ? log.offsetAt(tp, at.getTime()) : at.offset
}
