import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { isHoldfastError } from '../src/event/index.ts'
import { startPostgres, type LocalPostgres, type LocalPostgresOptions } from '../src/server/local-postgres.ts'

/** Where the tests' servers come from. */
export const testSources: NonNullable<LocalPostgresOptions['sources']> =
  process.env['TEST_POSTGRES'] === 'path' ? ['path'] : ['embedded', 'path']

/**
 * Vitest's global set-up: a small service in the main process that starts one PostgreSQL when the first test file
 * asks for it, so that runs without database tests start none. `TEST_DATABASE_URL` names another server to use, and
 * `TEST_POSTGRES=path` takes the one on PATH instead of the npm package. `GET /cluster` answers a folder with a new
 * cluster, to be copied by tests that want a server of their own: an initdb for each would take longer than their start.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<Started> | undefined
  let cluster: Promise<string> | undefined
  const answer = async (path: string | undefined): Promise<string> => {
    if (path === '/cluster') return await (cluster ??= makeCluster())
    return process.env['TEST_DATABASE_URL'] ?? (await (postgres ??= start())).server.url
  }
  const service = createServer(({ url }, response) => {
    answer(url).then(
      text => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>(done => service.listen(0, '127.0.0.1', done))
  project.provide('postgresService', `http://127.0.0.1:${(service.address() as AddressInfo).port}`)
  return async () => {
    await new Promise(done => service.close(done))
    const started = await postgres
    await started?.server.kill()
    for (const folder of [started?.folder, await cluster])
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** Shut down in order, so that a copy of it starts without recovery. */
async function makeCluster(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'))
  await (await startPostgres({ dataDir, logFile: join(dataDir, 'log'), sources: testSources })).stop()
  return dataDir
}

interface Started {
  readonly server: LocalPostgres
  readonly folder: string
}

/** Runs at the same time take folders of their own; a run that was killed leaves its server to the next one to stop. */
async function start(): Promise<Started> {
  const [kind] = testSources
  for (let place = 1; ; place++) {
    const folder = resolve(import.meta.dirname, `../.holdfast/test-${kind}-${place}`)
    try {
      const server = await startPostgres({
        dataDir: folder,
        logFile: join(folder, 'log'),
        sources: testSources,
        // What a killed process has written is kept without fsync too; only a dying machine would lose it.
        settings: { max_connections: '300', fsync: 'off' },
      })
      return { server, folder }
    } catch (error) {
      if (!isHoldfastError(error, 'POSTGRES_IN_USE')) throw error
    }
  }
}
