import process from 'node:process'

/**
 * Ends this process in order when its parent is gone, whatever ended that: `kill -9` reaches no child. For a process
 * that was started with an IPC channel; does nothing without one.
 */
export function endWithParent(): void {
  if (process.channel === undefined) return
  process.channel.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}
