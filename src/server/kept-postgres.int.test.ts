import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../test/harness/until.ts'
import { keepPostgres } from './kept-postgres.ts'

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it('a killed PostgreSQL comes back under the same address, and a stopped one does not', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-kept-'))
  const said: string[] = []
  const say = (_: unknown, message: string): void => void said.push(message)
  const postgres = await keepPostgres({
    dataDir,
    logFile: join(dataDir, 'log'),
    downMs: 500,
    logger: { debug() {}, info: say, warn: say, error: say },
  })
  onTestFinished(async () => {
    await postgres.kill()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const first = postgres.pid()
  expect(first).toBeDefined()
  expect(await answers(postgres.url)).toBe(true)

  process.kill(first ?? 0, 'SIGKILL')
  await until('it is seen to be down', () => postgres.pid() === undefined)
  expect(await answers(postgres.url)).toBe(false)
  const second = await until('it is back', () => postgres.pid())
  expect(second).not.toBe(first)
  expect(await answers(postgres.url)).toBe(true)
  expect(said).toEqual(['PostgreSQL has ended; it is started again in 0.5 s', 'PostgreSQL is up again'])

  await postgres.stop()
  await postgres.stop()
  expect(isAlive(second)).toBe(false)
  expect(said).toHaveLength(2)
})
