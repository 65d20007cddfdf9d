import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { Client } from 'pg'
import { kafkaMissing } from '../../src/server/kafka/kafka-installation.ts'
import { startKafka, type LocalKafka } from '../../src/server/kafka/local-kafka.ts'
import { startPostgres, type LocalPostgres } from '../../src/server/local-postgres.ts'

/** Why there is no Kafka to measure with: neither one that is named nor what it takes to start one. */
export const noKafka: string | undefined = process.env['KAFKA_BROKERS'] ? undefined : kafkaMissing()

/** What benchmarks share: a place on the disk, and servers as they are set up by default. */
export interface World {
  /** A new empty folder on the disk of the project, gone when the run ends. */
  folder(): string
  /** A new empty database. Its server keeps what it commits, as in production. */
  database(): Promise<string>
  /** A server of one's own, to be killed and started again. */
  ownPostgres(): Promise<LocalPostgres & { again(): Promise<LocalPostgres> }>
  /** Brokers of the Kafka that `KAFKA_BROKERS` names, else of one node that shares our processors, and does not sync. */
  kafka(): Promise<string>
  /** A name that no topic or group has had, there either. */
  name(of: string): string
  close(): Promise<void>
}

export function openWorld(): World {
  const root = resolve(import.meta.dirname, '../../.holdfast/bench')
  rmSync(root, { recursive: true, force: true })
  let made = 0
  let server: Promise<LocalPostgres> | undefined
  let broker: Promise<LocalKafka> | undefined
  const folder = (): string => {
    const folder = join(root, String(made++))
    mkdirSync(folder, { recursive: true })
    return folder
  }
  return {
    folder,
    async database() {
      server ??= start(join(root, 'postgres'))
      const { url } = await server
      const name = `bench_${made++}`
      const client = new Client({ connectionString: url })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return Object.assign(new URL(url), { pathname: `/${name}` }).href
    },
    async ownPostgres() {
      const dataDir = folder()
      return { ...(await start(dataDir)), again: () => start(dataDir) }
    },
    async kafka() {
      const given = process.env['KAFKA_BROKERS']
      if (given) return given
      broker ??= startKafka({ dataDir: join(root, 'kafka') })
      return (await broker).brokers
    },
    name: of => `bench-${of}-${process.pid}-${made++}`,
    async close() {
      await (await server)?.stop()
      await (await broker)?.kill()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function start(dataDir: string): Promise<LocalPostgres> {
  return startPostgres({
    dataDir,
    logFile: join(dataDir, 'log'),
    // Commit times for POST → row; the rest is what PostgreSQL itself chooses, fsync included.
    settings: { track_commit_timestamp: 'on', max_wal_size: '4GB' },
  })
}
