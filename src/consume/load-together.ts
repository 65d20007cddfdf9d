import type { RunEvent } from '../recover/lane/index.ts'
import type { Task } from './group-context.ts'

/** Of the events of one run; one that is larger runs alone. */
const MAX_BYTES = 4 * 1024 * 1024

/**
 * The first of a run that fit into memory together, one read after another, since a read brings what stands behind. Those
 * left out are newer, so nobody overtakes them. Fewer, or none, where `load` finds that the partition stops.
 */
export async function loadTogether(
  events: readonly RunEvent[],
  load: (event: RunEvent) => Promise<Task | undefined>,
): Promise<readonly Task[]> {
  const tasks: Task[] = []
  let bytes = 0
  for (const event of events) {
    const task = bytes < MAX_BYTES ? await load(event) : undefined
    if (!task) break
    tasks.push(task)
    bytes += task.record.value?.byteLength ?? 0
  }
  return tasks
}
