import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
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

it('a killed PostgreSQL comes back under the same address, one that cannot is told once, and a stopped one does not', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-kept-'))
  const log = join(dataDir, 'log')
  const said: string[] = []
  const say = (_: unknown, message: string): void => void said.push(message)
  const postgres = await keepPostgres({
    dataDir,
    logFile: log,
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

  // Another has its port meanwhile, so that it cannot start: that is said once, however often it is tried.
  process.kill(second, 'SIGKILL')
  const other = createServer(socket => void socket.destroy())
  onTestFinished(() => void other.close())
  await until('its end is seen', () => said.length === 3)
  await new Promise<void>(done => other.listen(Number(new URL(postgres.url).port), '127.0.0.1', done))
  const tries = (): number => readFileSync(log, 'utf8').split('could not bind').length - 1
  await until('it was tried again and again', () => tries() >= 3)
  expect(said.slice(2)).toEqual([
    'PostgreSQL has ended; it is started again in 0.5 s',
    'PostgreSQL does not start; it is tried every 0.5 s',
  ])
  await new Promise(resolve => other.close(resolve))
  const third = await until('it is back', () => postgres.pid())
  expect(said.slice(4)).toEqual(['PostgreSQL is up again'])

  await postgres.stop()
  await postgres.stop()
  expect(isAlive(third)).toBe(false)
  expect(said).toHaveLength(5)
})
