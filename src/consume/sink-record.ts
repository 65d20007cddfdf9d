import { HoldfastError, type Offset } from '../event/index.ts'
import type { ApplyOptions, SinkRecord } from '../sink/index.ts'
import type { Task } from './group-context.ts'
import type { Received } from './handlers.ts'
import type { GroupSettings } from './settings.ts'

/** The event of a task as the sink knows it. */
export function sinkRecord(task: Task, order: GroupSettings['order']): SinkRecord {
  const { source, id, acceptedAt } = decoded(task)
  const { offset } = task.record
  return { source, id, acceptedAt: acceptedAt.getTime(), offset, key: orderKey(task, order) }
}

/** Events with the same one keep their order. Undefined: it has none to keep. */
export function orderKey({ record }: Task, order: GroupSettings['order']): string | undefined {
  switch (order) {
    case 'partition':
      return ''
    case 'key':
      return record.key // one that came without a key (from another producer) is on its own
    case 'none':
      return undefined
  }
}

export function applyOptions(
  tasks: readonly Task[],
  { dedup }: GroupSettings,
  appliedBelow: Offset | undefined,
  signal: AbortSignal,
): ApplyOptions {
  // The offset of an event that was dead says nothing: it is replayed because it was not applied.
  const isReplay = tasks.some(task => (task.round ?? 0) > 0)
  return isReplay ? { appliedBelow: undefined, dedup: 'ids', signal } : { appliedBelow, dedup, signal }
}

export function decoded({ event, record }: Task): Received {
  if (event) return event
  throw new HoldfastError('INTERNAL', { detail: `record ${record.offset} was not decoded` })
}
