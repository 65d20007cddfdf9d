import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres, type LocalPostgres } from '../src/server/local-postgres.ts'

/**
 * Vitest's global set-up: a small service in the main process that starts one PostgreSQL when the first test file
 * asks for it, so that runs without database tests start none. `TEST_DATABASE_URL` names another server to use, and
 * `TEST_POSTGRES=path` takes the one on PATH instead of the npm package.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-pg-'))
  let postgres: Promise<LocalPostgres> | undefined
  const start = (): Promise<LocalPostgres> =>
    startPostgres({
      dataDir: folder,
      logFile: join(folder, 'log'),
      sources: process.env['TEST_POSTGRES'] === 'path' ? ['path'] : ['embedded', 'path'],
      // What a killed process has written is kept without fsync too; only a dying machine would lose it.
      settings: { max_connections: '300', fsync: 'off' },
    })
  const service = createServer((_request, response) => {
    const given = process.env['TEST_DATABASE_URL']
    const url =
      given === undefined ? (postgres ??= start()).then(server => server.url) : Promise.resolve(given)
    url.then(
      url => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>(done => service.listen(0, '127.0.0.1', done))
  project.provide('postgresService', `http://127.0.0.1:${(service.address() as AddressInfo).port}`)
  return async () => {
    await new Promise(done => service.close(done))
    await (await postgres)?.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
