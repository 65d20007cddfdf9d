import { systemClock, systemRandom } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { deadLetters } from '../../recover/index.ts'
import { openInLanes } from '../../server/operations/lanes-open.ts'

/** What a group has not done yet though its position has passed it: that moves, too. */
export interface GroupBacklog {
  readonly group: string
  readonly parked: number
  /** Dead, or being replayed. */
  readonly letters: number
}

export async function backlogs(
  system: LogSystem,
  groups: Iterable<string>,
  signal: AbortSignal,
): Promise<GroupBacklog[]> {
  const { log } = system
  const found: GroupBacklog[] = []
  for (const group of groups) {
    signal.throwIfAborted()
    const parts = { log, group, clock: systemClock, random: systemRandom, by: '', topicOf: () => undefined }
    const { open } = await deadLetters(parts).stats()
    found.push({ group, parked: await openInLanes({ system, signal }, group), letters: open })
  }
  return found
}
