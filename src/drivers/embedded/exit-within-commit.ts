import { writeSync } from 'node:fs'
import process from 'node:process'

/** Commits that this process waits for. */
let underWay = 0
let listens = false

/**
 * Runs a commit of LMDB so that an exit of the process within it ends the process. Left to itself, `process.exit` waits
 * for the package's thread, which holds LMDB's lock and waits for a callback that never comes: the process stands still
 * for ever, and with it every writer of the folder. Nothing that was not durable was promised to anyone.
 */
export async function endingWithExit<T>(commit: () => Promise<T>): Promise<T> {
  if (!listens) process.on('exit', endNow)
  listens = true
  underWay += 1
  try {
    return await commit()
  } finally {
    underWay -= 1
  }
}

/**
 * Another program takes this one's place, which ends every thread at once and can still give the exit code; a signal
 * could not. What a shell, a supervisor or npm makes of a second Ctrl-C hangs on that code.
 */
function endNow(code: number): void {
  if (underWay === 0) return
  writeSync(2, `holdfast: exit ${code} within a commit of the log, which is not waited for\n`)
  try {
    process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {})
  } catch {
    // A worker thread may not, and some systems cannot: better another exit code than none.
  }
  process.kill(process.pid, 'SIGKILL')
}
