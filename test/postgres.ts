import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import { testSources } from './postgres-service.ts'
import { startPostgres, type LocalPostgres, type LocalPostgresOptions } from '../src/server/local-postgres.ts'

/**
 * A fresh database for this test file on the one server of the test run, which is started when the first file asks.
 * Call it at the top of the file; the URL is there from `beforeAll` on. Do not kill this server: others use it.
 */
export function testDatabase(): TestDatabase {
  const name = `test_${randomBytes(6).toString('hex')}`
  let server = ''
  beforeAll(async () => {
    server = await (await fetch(inject('postgresService'))).text()
    await query(server, `create database ${name}`)
  })
  afterAll(() => query(server, `drop database if exists ${name} with (force)`))
  return databaseAt(() => server && databaseUrl(server, name))
}

/**
 * As {@link testDatabase}, on a server for this file alone: for what looks at the open transactions of the cluster, which
 * would be those of other files as well.
 */
export function testDatabaseAlone(): TestDatabase {
  let url = ''
  beforeAll(async () => {
    const dataDir = await copiedCluster()
    const server = await startPostgres({ dataDir, logFile: join(dataDir, 'log'), sources: testSources })
    url = server.url
    return async () => {
      await server.kill()
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
  return databaseAt(() => url)
}

function databaseAt(place: () => string): TestDatabase {
  const database: TestDatabase = {
    get url() {
      const url = place()
      if (url === '') throw new Error('the database is there from beforeAll on')
      return url
    },
    query: (text, values) => query(database.url, text, values),
  }
  return database
}

export interface TestDatabase {
  readonly url: string
  /** Over a connection of its own. */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
}

type Row = Record<string, unknown>

/** Over a connection of its own. */
export async function query(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, [...values])).rows
  } finally {
    await client.end()
  }
}

/** An own server in a new folder, for a test that kills, stops or pauses it. It is gone when the test ends. */
export async function ownPostgres(
  options?: Partial<LocalPostgresOptions>,
): Promise<LocalPostgres & { again(): Promise<LocalPostgres> }> {
  const dataDir = await copiedCluster()
  const started: LocalPostgres[] = []
  const start = async (): Promise<LocalPostgres> => {
    const server = await startPostgres({
      dataDir,
      logFile: join(dataDir, 'log'),
      sources: testSources,
      ...options,
    })
    started.push(server)
    return server
  }
  onTestFinished(async () => {
    for (const server of started) await server.kill()
    rmSync(dataDir, { recursive: true, force: true })
  })
  return { ...(await start()), again: start }
}

/** A folder with a cluster that is ready to start. */
async function copiedCluster(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-pg-'))
  const cluster = await (await fetch(new URL('/cluster', inject('postgresService')))).text()
  // Owners, too: as root the server runs as another user.
  const files = ['data', 'password'].map(name => join(cluster, name))
  await promisify(execFile)('cp', ['-a', ...files, dataDir])
  return dataDir
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address that answers the URL of the run's PostgreSQL. */
    postgresService: string
  }
}
