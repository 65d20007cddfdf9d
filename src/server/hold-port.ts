import { createServer } from 'node:http'
import { problemAnswer, takeInBacklog } from '../collect/index.ts'
import { sleep, systemClock, systemRandom, type Clock } from '../event/index.ts'
import { listen, type ListenOptions } from './listen.ts'

/** As asked for, with the port that was bound. */
export interface HeldPort extends ListenOptions {
  /** Frees the port for whoever binds it next, once those who are connected have their answer. */
  release(): Promise<void>
}

/** How long a release waits for those who are connected and send nothing, or too slowly. */
const PATIENCE_MS = 500

/**
 * Takes a port before anything is started that would have to be stopped again if it were taken. Until
 * {@link HeldPort.release} every request is answered 503, and told that nothing of it was stored.
 */
export async function holdPort(options: ListenOptions, clock: Clock = systemClock): Promise<HeldPort> {
  const server = createServer((request, response) => {
    const starting = { code: 'not_stored', detail: 'Holdfast is starting' } as const
    const { status, headers, body } = problemAnswer(starting, systemRandom)
    // After its last byte: a connection that is closed before is reset, and a reset can overtake the answer.
    request
      .resume()
      .on('end', () => response.writeHead(status, { ...headers, connection: 'close' }).end(body))
  })
  const port = await listen(server, options)
  return {
    ...options,
    port,
    async release() {
      await takeInBacklog(server, clock)
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      const waiting = new AbortController()
      await Promise.race([closed, sleep(clock, PATIENCE_MS, waiting.signal)])
      waiting.abort()
      server.closeAllConnections()
      await closed
    },
  }
}
