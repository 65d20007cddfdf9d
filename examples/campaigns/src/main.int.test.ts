import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { namedBrokers } from '../../../test/support/test-logs.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const database = testDatabase()

interface Started {
  out: string
  err: string
  readonly data: string
  readonly ended: Promise<number | null>
  signal(name: NodeJS.Signals): void
  /** Reads nothing of what it says from now on, and lets it know. */
  stopReading(): void
}

/** The example on ports of its own, in a new folder whose name needs quoting. */
function start(env: Record<string, string>, args: readonly string[] = ['--no-traffic']): Started {
  const data = join(mkdtempSync(join(tmpdir(), 'holdfast main ü ')), 'data')
  const child = spawn(process.execPath, ['--conditions=holdfast-source', main, ...args], {
    env: {
      ...process.env,
      HOLDFAST_PORT: '0',
      HOLDFAST_ADMIN_PORT: '0',
      HOLDFAST_DATA: data,
      DATABASE_URL: '',
      ...env,
    },
  })
  const started: Started = {
    out: '',
    err: '',
    data,
    ended: new Promise(resolve => child.once('close', code => resolve(code))),
    signal: name => void child.kill(name),
    stopReading() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (started.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (started.err += text))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await started.ended
    rmSync(join(data, '..'), { recursive: true, force: true })
  })
  return started
}

describe('npm start', () => {
  it.each(['HOLDFAST_PORT', 'HOLDFAST_ADMIN_PORT'])(
    'with %s taken says which port and what changes it, and has started nothing',
    async name => {
      const other = createServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void other.close())
      const port = String((other.address() as AddressInfo).port)
      const started = start({ [name]: port })
      expect(await started.ended).toBe(1)
      expect(started.err).toContain(`port ${port} on 127.0.0.1 is taken by process ${process.pid} (`)
      expect(started.err).toContain(`choose another by ${name}, for example ${name}=`)
      expect(started.out).toBe('')
      expect(existsSync(started.data)).toBe(false)
    },
  )

  it('refuses a flag that it does not know, before anything is started', async () => {
    const started = start({}, ['--no-trafic'])
    expect(await started.ended).toBe(1)
    expect(started.err).toContain('--no-trafic is not known')
    expect(existsSync(started.data)).toBe(false)
  })

  it('says that a database cannot be reached, without its password', async () => {
    const started = start({ DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/shop' })
    expect(await started.ended).toBe(1)
    expect(started.err).toContain(
      'PostgreSQL at 127.0.0.1:1, database shop cannot be used: connect ECONNREFUSED',
    )
    expect(started.err).toContain('mend DATABASE_URL')
    expect(started.err).not.toContain('secret')
  })

  it('runs on the database that DATABASE_URL names, shows no password of it, and drains though nobody reads its output any more', async () => {
    const started = start({ DATABASE_URL: database.url, ...(await namedBrokers()) })
    await until('the banner', () => started.out.includes('Ctrl-C stops'))
    const { password, pathname } = new URL(database.url)
    expect(started.out).toContain(pathname.slice(1))
    expect(started.out).not.toContain(password)
    expect(started.out).not.toContain('kill -9')

    const note = join(started.data, 'run.json')
    expect(statSync(note).mode & 0o077).toBe(0)
    const { collectorUrl } = JSON.parse(readFileSync(note, 'utf8')) as { collectorUrl: string }
    const response = await fetch(`${collectorUrl}/api/collect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
      body: '{"type":"click","campaignId":"c1"}',
    })
    expect(response.status).toBe(202)

    // All was well until here, so there is nothing to say; but that one broker is one copy.
    const said = started.err.split('\n').filter(line => line !== '' && !line.includes('has one copy'))
    expect(said).toEqual([])

    // As with `npm start 2>&1 | tee log`, where a Ctrl-C ends tee first.
    started.stopReading()
    started.signal('SIGTERM')
    expect(await started.ended).toBe(0)
    expect(existsSync(note)).toBe(false)
  })

  it('stopped while its PostgreSQL is being made, leaves none behind', async () => {
    const started = start({})
    await until(
      'PostgreSQL is being made',
      () => existsSync(started.data) && readdirSync(started.data).length > 0,
    )
    started.signal('SIGINT')
    expect(await started.ended).toBe(0)
    const [folder = ''] = readdirSync(started.data).filter(name => name.startsWith('pg-'))
    const server = JSON.parse(readFileSync(join(started.data, folder, 'server.json'), 'utf8')) as {
      pid: number
    }
    expect(() => process.kill(server.pid, 0)).toThrow(/ESRCH/)
  })
})
