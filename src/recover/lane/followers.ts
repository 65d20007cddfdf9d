import type { Entry, KeyQueue } from './key-queue.ts'

export interface Followers {
  /** So many at most. */
  readonly room: number
  queueOf(head: Entry): KeyQueue
  /** Whether it could run, were it the head of its key. */
  mayFollow(entry: Entry): boolean
}

/**
 * What runs behind the heads of a run, in the same transaction. As a key does well, more of it go together: 1, 2, 4, … One
 * whose head fails all the time would otherwise write two marks for each follower at each of its attempts. The first that
 * may not go along keeps those behind it.
 */
export function followersOf(heads: readonly Entry[], of: Followers): Entry[] {
  const share = Math.floor(of.room / heads.length)
  return heads.flatMap(head => {
    const { entries, well } = of.queueOf(head)
    const behind = entries.slice(1, 1 + Math.min(well, share))
    const end = behind.findIndex(entry => !mayShare(head, entry) || !of.mayFollow(entry))
    return end < 0 ? behind : behind.slice(0, end)
  })
}

/** One transaction is for ids of one generation; and of what is replayed offsets say nothing, so it is looked up in another way. */
export function mayShare(a: Entry, b: Entry): boolean {
  return !a.alone && !b.alone && a.generation === b.generation && (a.round === 0) === (b.round === 0)
}
