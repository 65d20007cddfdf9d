import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../../test/harness/until.ts'
import { ownPostgres } from '../../test/postgres.ts'
import { isHoldfastError } from '../event/index.ts'
import { startPostgres } from './local-postgres.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { childrenOf, isAlive } from './processes.ts'

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (isHoldfastError(error) ? error.code : String(error)),
  )

/** The folder of a copy of the programs that are used otherwise. */
function copyOfPrograms(folder: string): string {
  const { postgres } = findPostgresBinaries(['embedded', 'path']).found[0] ?? expect.fail('no PostgreSQL')
  cpSync(dirname(dirname(postgres)), join(folder, 'postgres'), { recursive: true, verbatimSymlinks: true })
  return join(folder, 'postgres', 'bin')
}

describe('a local PostgreSQL', () => {
  it('starts, answers on loopback only, and leaves no process behind when it stops', async () => {
    const server = await ownPostgres()
    const [row] = await query(server.url, `select current_setting('listen_addresses') as listen`)
    expect(row).toEqual({ listen: '127.0.0.1' })
    expect(server.port).not.toBe(5432)
    const all = [server.pid, ...childrenOf(server.pid)]
    expect(all.length).toBeGreaterThan(2)
    await server.stop()
    await server.stop()
    expect(all.filter(isAlive)).toEqual([])
  })

  it('recovers what was committed after a SIGKILL, at the same URL', async () => {
    const server = await ownPostgres()
    await query(server.url, 'create table kept as select 42 as answer')
    await server.kill()
    expect(await codeOf(query(server.url, 'select 1'))).toContain('ECONNREFUSED')
    const again = await server.again()
    expect(again.url).toBe(server.url)
    expect(again.pid).not.toBe(server.pid)
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }])
  })

  it('does not answer while it is paused and goes on when it is resumed', async () => {
    const server = await ownPostgres()
    const client = new Client({ connectionString: server.url })
    await client.connect()
    server.pause()
    const answer = client.query('select 1 as one')
    const silence = new Promise(done => setTimeout(done, 300, 'silence'))
    expect(await Promise.race([answer, silence])).toBe('silence')
    server.resume()
    expect((await answer).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  it('stops the server that a killed process left behind, and takes its place', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-left-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const script = `
      import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'local-postgres.ts'))}
      const { pid, url } = await startPostgres({ dataDir: process.argv[1], logFile: process.argv[1] + '/log' })
      console.log(JSON.stringify({ pid, url }))
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const left = JSON.parse(String((await once(parent.stdout, 'data'))[0])) as { pid: number; url: string }
    const owned = await codeOf(startPostgres({ dataDir, logFile: join(dataDir, 'log') }))
    expect(owned).toBe('POSTGRES_IN_USE')

    parent.kill('SIGKILL')
    await once(parent, 'exit')
    expect(isAlive(left.pid)).toBe(true)
    const server = await startPostgres({ dataDir, logFile: join(dataDir, 'log') })
    onTestFinished(() => server.kill())
    expect(isAlive(left.pid)).toBe(false)
    expect(server.url).toBe(left.url)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it.runIf(process.getuid?.() === 0)(
    'works as root when programs and data lie below a folder that only root may enter',
    async () => {
      const closed = mkdtempSync(join(tmpdir(), 'holdfast-closed-'))
      chmodSync(closed, 0o700)
      vi.stubEnv('PATH', `${copyOfPrograms(closed)}:${process.env['PATH']}`)
      onTestFinished(() => {
        vi.unstubAllEnvs()
        rmSync(closed, { recursive: true, force: true })
      })
      const dataDir = join(closed, 'ümlaut and space')
      const server = await startPostgres({ dataDir, logFile: join(closed, 'log'), sources: ['path'] })
      onTestFinished(() => server.kill())
      expect(spawnSync('test', ['-e', dataDir], { uid: 65534, gid: 65534 }).status).not.toBe(0)
      expect(readlinkSync(`/proc/${server.pid}/exe`)).toContain(closed)
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
      expect(status).not.toMatch(/^Uid:\s+0\s/m)
      expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    },
  )

  it('takes a postgres on PATH when the npm package is not wanted', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-path-'))
    chmodSync(dataDir, 0o755)
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    // CI machines without one still show that PATH was looked at.
    const options = { dataDir, logFile: join(dataDir, 'log'), sources: ['path'] as const }
    const server = await startPostgres(options).catch((error: Error) => error)
    if (server instanceof Error) return expect(server.message).toContain('postgres on PATH: not found')
    onTestFinished(() => server.kill())
    expect(server.kind).toBe('path')
    const [row] = await query(server.url, `select current_setting('server_version') as version`)
    expect(row?.['version']).toContain(server.version)
  })

  it('keeps its log small while it runs, and the last part of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-pg-log-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const logFile = join(folder, 'logs', 'postgres.log')
    const server = await ownPostgres({ logFile, maxLogBytes: 20_000, settings: { log_statement: 'all' } })
    const text = 'x'.repeat(1_000)
    let said = 0
    await until('it was moved', async () => {
      await query(server.url, `select ${said++} /* ${text} */`)
      return existsSync(`${logFile}.1`)
    })
    await query(server.url, 'select 4242')
    expect(readFileSync(logFile, 'utf8')).toContain('select 4242')
    expect(statSync(logFile).size).toBeLessThan(20_000)
    expect(statSync(`${logFile}.1`).size).toBeGreaterThan(20_000)
    expect(readFileSync(`${logFile}.1`, 'utf8')).toContain('select 0')
  })

  it('says what was tried when there is none', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-none-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const start = startPostgres({ dataDir, logFile: join(dataDir, 'log'), sources: [] })
    expect(await codeOf(start)).toBe('POSTGRES_UNAVAILABLE')
  })

  it('repeats what the server said when it does not start', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-bad-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const start = startPostgres({ dataDir, logFile: join(dataDir, 'log'), settings: { work_mem: 'lots' } })
    await expect(start).rejects.toThrow(/POSTGRES_START_FAILED|work_mem/)
    writeFileSync(join(dataDir, 'data', 'PG_VERSION'), '9\n')
    const wrong = startPostgres({ dataDir, logFile: join(dataDir, 'log') })
    await expect(wrong).rejects.toThrow(/for the data of version 9 .*not 9/)
  })
})
