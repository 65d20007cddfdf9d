import type { Clock, Logger } from '../../event/index.ts'
import type { PoolStatus } from '../../sink/index.ts'
import type { PgClient, PgModule, PgPool } from './client.ts'
import type { ResolvedPostgresOptions } from './options.ts'
import { Session } from './session.ts'

/** The connections to one database, in lanes: effects under load never keep a probe or a take-over waiting. */
export interface Connections {
  /** Runs an effect. Waits for a free connection until the signal aborts. */
  work<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T>
  /** Runs something of our own, which is cut off with ETIMEDOUT after `limitMs`. */
  control<T>(limitMs: number, use: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** The same for the outbox, whose rounds must not keep a probe waiting either. */
  relay<T>(limitMs: number, use: (session: Session) => Promise<T>): Promise<T>
  pools(): readonly PoolStatus[]
  close(): Promise<void>
}

export function openConnections(
  pg: PgModule,
  connectionString: string,
  options: ResolvedPostgresOptions,
  env: { readonly clock: Clock; readonly logger: Logger },
): Connections {
  const sessions = new Set<Session>()
  const clients = new Set<PgClient>()
  const makePool = (max: number): PgPool => {
    const pool = new pg.Pool({
      connectionString,
      max,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: 'holdfast',
    })
    // An idle connection that dies is replaced at the next use. Without a listener it would end the process.
    pool.on('connect', client => void clients.add(client))
    pool.on('remove', client => void clients.delete(client))
    pool.on('error', error => env.logger.debug({ error: error.message }, 'an idle connection was lost'))
    return pool
  }
  const pools = {
    work: makePool(options.maxConnections),
    control: makePool(CONTROL_CONNECTIONS),
    relay: makePool(RELAY_CONNECTIONS),
  }
  // pg counts the wait for a free connection as connecting, so that load would look like an outage; a gate does not.
  const gates = {
    work: gate(options.maxConnections),
    control: gate(CONTROL_CONNECTIONS),
    relay: gate(RELAY_CONNECTIONS),
  }

  async function withSession<T>(
    lane: keyof typeof pools,
    signal: AbortSignal,
    use: (session: Session) => Promise<T>,
  ): Promise<T> {
    const leave = await gates[lane].enter(signal)
    let client: PgClient
    try {
      client = await untilAborted(pools[lane].connect(), signal, late => late.release(new Error('too late')))
    } catch (error) {
      leave()
      throw error
    }
    const session = new Session(client, (client, error) => {
      sessions.delete(session)
      client.release(error)
      leave()
    })
    sessions.add(session)
    const abort = (): void => session.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await Promise.race([use(session), session.destroyed])
    } catch (error) {
      if (signal.aborted) throw signal.reason
      // An open transaction must not go back to the pool.
      if (!session.isBroken)
        await Promise.race([session.query('rollback'), session.destroyed]).catch(() => {})
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
      session.release()
    }
  }

  async function withinLimit<T>(
    lane: 'control' | 'relay',
    limitMs: number,
    use: (session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const late = new AbortController()
    const cancel = env.clock.after(limitMs, () => {
      const error = new Error(`the database did not answer within ${limitMs} ms`)
      late.abort(Object.assign(error, { code: 'ETIMEDOUT' }))
    })
    const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal
    return withSession(lane, either, use).finally(cancel)
  }

  return {
    work: (signal, use) => withSession('work', signal, use),
    control: (limitMs, use, signal) => withinLimit('control', limitMs, use, signal),
    relay: (limitMs, use) => withinLimit('relay', limitMs, use),
    pools: () =>
      (['work', 'control', 'relay'] as const).map(pool => {
        const { totalCount, idleCount } = pools[pool]
        return { pool, busy: totalCount - idleCount, idle: idleCount, waiting: gates[pool].waiting() }
      }),
    async close() {
      for (const session of sessions) session.destroy(new Error('the database was closed'))
      // A server that is stopped never answers the farewell.
      const cancel = env.clock.after(FAREWELL_MS, () => {
        for (const client of clients) client.connection?.stream?.destroy()
      })
      await Promise.all(Object.values(pools).map(pool => pool.end())).finally(cancel)
    },
  }
}

/** A take-over and a probe at the same time. */
export const CONTROL_CONNECTIONS = 2
export const RELAY_CONNECTIONS = 1
const FAREWELL_MS = 2_000

interface Gate {
  /** Resolves with the function that leaves; rejects with the signal's reason. First come, first served. */
  enter(signal: AbortSignal): Promise<() => void>
  waiting(): number
}

function gate(width: number): Gate {
  let inside = 0
  const waiting = new Set<() => void>()
  const leave = (): void => {
    const [next] = waiting
    if (next) {
      // The place is handed over, so that nobody slips in before the one who waited.
      waiting.delete(next)
      next()
    } else inside--
  }
  return {
    waiting: () => waiting.size,
    async enter(signal) {
      signal.throwIfAborted()
      if (inside < width) {
        inside++
        return leave
      }
      const turn = Promise.withResolvers<void>()
      waiting.add(turn.resolve)
      const abort = (): void => {
        if (waiting.delete(turn.resolve)) turn.reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      await turn.promise.finally(() => signal.removeEventListener('abort', abort))
      return leave
    },
  }
}

/** The promise's value, or the signal's reason; a value that comes too late is handed to `discard`. */
async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void,
): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([promise, aborted.promise])
  } catch (error) {
    if (signal.aborted) promise.then(discard, () => {})
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
