import { Client } from 'pg'

/** What one question to the database met. */
export interface Probe {
  readonly answered: boolean
  readonly ms: number
  /** Such as `ECONNREFUSED`, `53100`, or `no answer`. */
  readonly said: string
}

/** Asks once over a new connection. Never rejects, and never takes longer than `limitMs` twice. */
export async function probe(url: string, sql: string, limitMs: number): Promise<Probe> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  })
  client.on('error', () => {})
  const start = performance.now()
  const end = (answered: boolean, said: string): Probe => ({ answered, said, ms: performance.now() - start })
  try {
    await client.connect()
    await client.query(sql)
    return end(true, 'an answer')
  } catch (error) {
    return end(false, saidBy(error))
  } finally {
    // A stopped server never says goodbye.
    void client.end().catch(() => {})
  }
}

function saidBy(error: unknown): string {
  const { code, message } = error as { code?: string; message: string }
  if (code !== undefined) return code
  return /timeout/i.test(message) ? 'no answer' : message
}
