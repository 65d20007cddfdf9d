import { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../../../test/postgres.ts'
import { limitRows, rowsProbe } from './rows.ts'

const database = testDatabase()

test('a limited table takes so many rows a second and no more, however many write at once', async () => {
  const pool = new Pool({ connectionString: database.url, max: 4 })
  onTestFinished(() => pool.end())
  await pool.query('create table kept (n int)')
  const insert = (n: number): Promise<unknown> =>
    pool.query('insert into kept select generate_series(1, $1::int)', [n])
  await limitRows(database.url, 'kept', 50)
  const start = performance.now()
  // Four writers with ten rows each: 40 rows at 50 a second.
  await Promise.all([insert(10), insert(10), insert(10), insert(10)])
  expect(performance.now() - start).toBeGreaterThan(750)

  // One that is cancelled within its turn, and one while it waits: their connections go back, and the others go on.
  await pool.query('create table left_over (n int)')
  await limitOnly(pool, 'left_over')
  const cancelled = await Promise.allSettled(
    [1, 2].map(() => withTimeout(pool, '100ms', 'insert into left_over select generate_series(1, 1000)')),
  )
  expect(cancelled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  // A lock that was left behind would be there for as long as the pool keeps its idle connections: ten seconds.
  await withTimeout(pool, '5s', 'insert into kept values (1)')

  const rows = rowsProbe(database.url, 'kept')
  expect(await rows.count()).toBe(41)
  await rows.close()
})

/** The same limit on another table, slow enough to be cancelled in. */
async function limitOnly(pool: Pool, table: string): Promise<void> {
  await pool.query(
    `create trigger take_turn before insert on ${table} for each row execute function chaos.take_turn()`,
  )
}

async function withTimeout(pool: Pool, timeout: string, sql: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query(`set statement_timeout = '${timeout}'`)
    await client.query(sql)
  } finally {
    await client.query('reset statement_timeout')
    client.release()
  }
}

test('rows that cannot be counted at the moment are not known, and nobody waits for them', async () => {
  const url = new URL(database.url)
  url.port = '1'
  const rows = rowsProbe(url.href, 'kept')
  expect(await rows.count()).toBeNull()
  await rows.close()
})
