import { Pool } from 'pg'

/** What the runner itself asks of the database of an arm. */
export interface RowsProbe {
  /** Rows of the table; null when the database does not answer within a second. */
  count(): Promise<number | null>
  close(): Promise<void>
}

const LIMIT_MS = 900

export function rowsProbe(url: string, table: string): RowsProbe {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
  })
  pool.on('error', () => {})
  return {
    async count() {
      try {
        const { rows } = await pool.query<{ n: string }>(`select count(*) as n from ${table}`)
        return Number(rows[0]?.n)
      } catch {
        return null
      }
    },
    close: () => pool.end(),
  }
}

/**
 * Lets no more than so many rows a second into a table, whoever writes them: each row waits for one lock and holds it as
 * long as a row may take. A writer that gives up while it waits has used nothing of what the others may write.
 */
export async function limitRows(url: string, table: string, rowsPerSecond: number): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 })
  try {
    await pool.query(`
      create schema if not exists chaos;
      create function chaos.take_turn() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_lock(4243, 1);
        perform pg_sleep(${1 / rowsPerSecond});
        perform pg_advisory_unlock(4243, 1);
        return new;
      exception when query_canceled then
        -- A lock of the session outlives the statement, and its connection goes back to a pool.
        perform pg_advisory_unlock_all();
        raise;
      end $$;
      create trigger take_turn before insert on ${table} for each row execute function chaos.take_turn();
    `)
  } finally {
    await pool.end()
  }
}
