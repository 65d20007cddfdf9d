import { Pool, type PoolClient } from 'pg'
import { RequestFailed } from '../http/failure.ts'

/** Statements of a request handler, with every failure told apart by what it left behind. */
export interface Database {
  /** Runs one statement, which is one transaction. */
  run(statement: { readonly name: string; readonly text: string }, values: readonly unknown[]): Promise<void>
  close(): Promise<void>
}

/** A pool of 20 whose every wait has an end: 2 s for a connection, 2 s for a statement. */
export function database(url: string): Database {
  const pool = new Pool({
    connectionString: url,
    max: 20,
    connectionTimeoutMillis: 2_000,
    // The server's own limit comes first: it rolls back, so the outcome is known.
    statement_timeout: 1_800,
    query_timeout: 2_000,
    keepAlive: true,
  })
  // A connection that dies, idle or in use, would take the process with it otherwise.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return {
    async run({ name, text }, values) {
      const client = await connect(pool)
      let broken: Error | undefined
      try {
        await client.query({ name, text, values: [...values] })
      } catch (error) {
        const failed = failedStatement(error)
        if (failed.failure === 'unknown') broken = failed
        throw failed
      } finally {
        client.release(broken)
      }
    },
    close: () => pool.end(),
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (cause) {
    throw new RequestFailed('not_stored', 'the database cannot be reached', { cause })
  }
}

/** An error that the server answered means that it rolled back; one without an answer means that nobody knows. */
function failedStatement(cause: unknown): RequestFailed {
  const { code = '', message } = cause as { code?: string; message: string }
  if (!/^[0-9A-Z]{5}$/.test(code)) return new RequestFailed('unknown', message, { cause })
  // Data and constraints.
  if (/^2[23]/.test(code)) return new RequestFailed('invalid', message, { cause })
  // The server goes down: it may say so right behind a commit.
  if (/^57P|^08/.test(code)) return new RequestFailed('unknown', message, { cause })
  return new RequestFailed('not_stored', message, { cause })
}
