import process from 'node:process'

/**
 * Lets this process go on when nobody reads its stdout or stderr any more: behind `| head`, or behind a `tee` that the
 * same Ctrl-C has ended while this process still drains. What it says from then on is lost; by default it would be ended
 * by the first line. The signal aborts when nobody reads stdout any more, for what does nothing but print.
 */
export function outliveReaders(): AbortSignal {
  const unread = new AbortController()
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) unread.abort()
    })
  }
  return unread.signal
}
