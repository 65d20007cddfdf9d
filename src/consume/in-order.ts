import type { Task } from './group-context.ts'
import { isUnreadable } from './run-results.ts'
import type { GroupSettings } from './settings.ts'
import { orderKey } from './sink-record.ts'

/**
 * Those of a batch that may end in it. Whatever comes behind an event that cannot be read waits for it, as it does behind
 * one that fails in the transaction. Applied now, it would have overtaken:
 *
 * - its key may be held until somebody has decided about that event, which is replayed then,
 * - or the event does not die after all: in a flood of deaths it stays where it is, and once the group is mended it runs.
 */
export function inOrder(tasks: readonly Task[], order: GroupSettings['order']): readonly Task[] {
  if (!tasks.some(isUnreadable)) return tasks
  const dying = new Set<string>()
  return tasks.filter(task => {
    const key = orderKey(task, order)
    if (key === undefined) return true
    if (dying.has(key)) return false
    if (isUnreadable(task)) dying.add(key)
    return true
  })
}
