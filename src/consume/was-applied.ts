import { isHoldfastError } from '../event/index.ts'
import type { Lease } from '../sink/index.ts'
import type { GroupContext, Task } from './group-context.ts'
import { applyOptions, sinkRecord } from './sink-record.ts'

/**
 * Whether the event was applied, found out from the inbox without its handler, and under the fence: it may have been, and
 * only the mark in the lane that says so was lost with its process. Where there is no inbox nobody knows, and the answer
 * is no. `unknown`: the database is away.
 */
export async function wasApplied(
  task: Task,
  { sink, settings }: GroupContext,
  lease: Lease | undefined,
  signal: AbortSignal,
): Promise<boolean | 'unknown' | 'fenced'> {
  if (!sink || !lease || !task.event || !task.handler) return false
  const record = sinkRecord(task, settings.order)
  const options = applyOptions([task], settings, task.record.offset, signal)
  let isNew = false
  const look = async (): Promise<never> => {
    isNew = true
    throw new Error('only asked') // rolls back
  }
  try {
    const [outcome] = await sink.apply(lease, [record], options, look)
    if (outcome?.kind === 'duplicate') return true
    return outcome?.kind === 'failed' && !isNew ? 'unknown' : false
  } catch (error) {
    return isHoldfastError(error, 'SINK_FENCED') ? 'fenced' : 'unknown'
  }
}
