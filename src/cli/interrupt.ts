import process from 'node:process'
import { exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

/**
 * Runs work that prints for as long as it likes, and answers the exit code. A Ctrl-C ends it with 130, a second one ends
 * the process at once. It ends with 0 when nobody reads what it prints any more, as behind `| head`.
 */
export async function interruptible(
  io: CliIo,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const interrupt = new AbortController()
  const stop = (): void => interrupt.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    await work(io.unread ? AbortSignal.any([interrupt.signal, io.unread]) : interrupt.signal)
    return interrupt.signal.aborted ? exitCode.interrupted : exitCode.ok
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
