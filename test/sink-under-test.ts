import { Client } from 'pg'
import { postgres, type PostgresOptions } from '../src/drivers/postgres/index.ts'
import { silentLogger, systemClock, systemRandom, type Clock } from '../src/event/index.ts'
import type { Sink } from '../src/sink/index.ts'
import type { SinkUnderTest } from '../src/sink/suite/index.ts'

/** A sink on the database at `url`, with a connection beside it that sees what is committed. */
export async function sinkUnderTest(
  url: string,
  options?: PostgresOptions,
  clock: Clock = systemClock,
): Promise<SinkUnderTest> {
  const opened: Sink[] = []
  const another = async (): Promise<Sink> => {
    const sink = await postgres(url, options).open({
      clock,
      random: systemRandom,
      logger: silentLogger,
    })
    opened.push(sink)
    return sink
  }
  const sink = await another()
  await sink.migrate()
  const client = new Client({ connectionString: url })
  // A test that ends the server ends this connection too.
  client.on('error', () => {})
  await client.connect()
  return {
    sink,
    another,
    query: async (sql, params) =>
      (await client.query<Record<string, unknown>>(sql, params as unknown[])).rows,
    async cut(tx) {
      const { rows } = await tx.query('select pg_backend_pid() as pid')
      await client.query('select pg_terminate_backend($1, 5000)', [rows[0]?.['pid']])
    },
    async dispose() {
      await Promise.all(opened.map(sink => sink.close()))
      await client.end()
    },
  }
}
