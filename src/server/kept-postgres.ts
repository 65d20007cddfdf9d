import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '../event/index.ts'
import { startPostgres, type LocalPostgres, type LocalPostgresOptions } from './local-postgres.ts'

/** A local PostgreSQL that is started again when it ends, so that it can be killed to see what happens then. */
export interface KeptPostgres {
  /** The same after every start: port and password stay with the folder. */
  readonly url: string
  readonly version: string
  readonly kind: LocalPostgres['kind']
  /** Process id of the server. Undefined while it is down. */
  pid(): number | undefined
  /** Ends it for good. Idempotent. */
  stop(): Promise<void>
  /** The same at once, as a crash. */
  kill(): Promise<void>
}

export interface KeptPostgresOptions extends LocalPostgresOptions {
  /** How long it stays down after it ended. Long enough to see it, short enough to wait for. Defaults to 10 s. */
  readonly downMs?: number
}

/** Rejects as {@link startPostgres} does when the first start fails; later ones are tried until they succeed. */
export async function keepPostgres(options: KeptPostgresOptions): Promise<KeptPostgres> {
  const { downMs = 10_000, logger = silentLogger, ...rest } = options
  const stopping = new AbortController()
  const first = await startPostgres({ ...rest, logger })
  let running: LocalPostgres | undefined = first

  const keep = async (): Promise<void> => {
    while (running && !stopping.signal.aborted) {
      await running.exited
      const { pid, port }: LocalPostgres = running
      running = undefined
      if (stopping.signal.aborted) return
      logger.warn({ pid }, `PostgreSQL has ended; it is started again in ${downMs / 1_000} s`)
      running = await startAgain(port)
    }
  }
  const startAgain = async (port: number): Promise<LocalPostgres | undefined> => {
    let told = false
    while (!stopping.signal.aborted) {
      await sleep(downMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return undefined
      try {
        const again = await startPostgres({ ...rest, port, logger })
        logger.info({ pid: again.pid }, 'PostgreSQL is up again')
        return again
      } catch (error) {
        // Once: it may be tried for hours, and a line is for what changes.
        if (!told)
          logger.error({ err: error }, `PostgreSQL does not start; it is tried every ${downMs / 1_000} s`)
        told = true
      }
    }
    return undefined
  }
  const kept = keep()
  const end = async (how: 'stop' | 'kill'): Promise<void> => {
    stopping.abort()
    await running?.[how]()
    await kept
    // One that came up while it was being stopped.
    await running?.[how]()
  }
  return {
    url: first.url,
    version: first.version,
    kind: first.kind,
    pid: () => running?.pid,
    stop: () => end('stop'),
    kill: () => end('kill'),
  }
}
