/** The last turn that was taken at each file. */
const last = new Map<string, Promise<void>>()

/**
 * One after another within this process, for whatever writes to a file of LMDB. A thread of the package waits for a
 * callback of this thread while it has LMDB's lock; a second environment of the same file that is opened meanwhile makes
 * this thread wait for that lock, and neither ever goes on. Between processes the lock alone is enough.
 */
export function inTurn<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  const before = last.get(file)
  const done = before ? before.then(work) : (async () => work())()
  const turn: Promise<void> = done.then(
    () => over(file, turn),
    () => over(file, turn),
  )
  last.set(file, turn)
  return done
}

function over(file: string, turn: Promise<void>): void {
  if (last.get(file) === turn) last.delete(file)
}
