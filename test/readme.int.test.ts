import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdPort } from '../src/server/index.ts'
import { until } from './harness/until.ts'

/**
 * The README as a reader follows it: each command of its shell blocks, in order, in a shell. Only the two ports and the
 * data folder are others, so that a run beside it is not disturbed.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.split('\n').filter(line => line !== ''),
)

const data = mkdtempSync(join(tmpdir(), 'holdfast-readme-'))
let ports = { collector: 0, admin: 0 }
let running: { child: ChildProcess; out: string; ended: Promise<number | null> } | undefined

function asHere(command: string): string {
  return command
    .replaceAll('4310', String(ports.admin))
    .replaceAll('4300', String(ports.collector))
    .replaceAll('.holdfast', data)
}

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOLDFAST_PORT: String(ports.collector),
    HOLDFAST_ADMIN_PORT: String(ports.admin),
    HOLDFAST_DATA: data,
    DATABASE_URL: '',
  }
}

/** Runs one command of the README in a shell and answers what it printed; `code` is its exit code. */
async function shell(command: string): Promise<{ code: number; out: string; err: string }> {
  const options = { cwd: root, env: environment() }
  return promisify(execFile)('bash', ['-c', asHere(command)], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
}

/** `npm start`, until its banner is complete. */
async function start(command: string): Promise<void> {
  const child = spawn('bash', ['-c', asHere(command)], { cwd: root, env: environment(), detached: true })
  const run = {
    child,
    out: '',
    ended: new Promise<number | null>(resolve => child.once('close', code => resolve(code))),
  }
  running = run
  const hear = (text: string): string => (run.out += text)
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  await until('the banner', () => run.out.includes('Ctrl-C stops') || child.exitCode !== null)
  expect(run.out).toContain('Ctrl-C stops')
}

beforeAll(async () => {
  const held = await Promise.all(['A', 'B'].map(setBy => holdPort({ host: '127.0.0.1', port: 0, setBy })))
  ports = { collector: held[0]?.port ?? 0, admin: held[1]?.port ?? 0 }
  await Promise.all(held.map(port => port.release()))
})

afterAll(async () => {
  const child = running?.child
  if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    process.kill(-child.pid, 'SIGINT')
    await running?.ended
  }
  rmSync(data, { recursive: true, force: true })
})

const sums = /^events kept (\d+), counted by campaign (\d+), counted by segment (\d+)/

/** The three sums of `npm run rows`, once they agree and have reached `atLeast`. */
async function agreeing(atLeast = 1): Promise<number> {
  return until('the three sums agree', async () => {
    const [, kept, byCampaign, bySegment] = (sums.exec((await shell('npm run --silent rows')).out) ?? []).map(
      Number,
    )
    return kept !== undefined && kept >= atLeast && kept === byCampaign && kept === bySegment ? kept : false
  })
}

/** What a reader expects of each command. Every command of the README must be here, in its order. */
const expected: readonly (readonly [command: RegExp, check: (command: string) => Promise<void>])[] = [
  [/^npm start$/, start],
  [/^curl -i .*\/api\/collect/, accepted],
  [
    /^npm run rows$/,
    async command => {
      await agreeing()
      const { out } = await shell(command)
      expect(out).toMatch(/campaign +impressions +clicks +conversions/)
    },
  ],
  [
    /^kill -9 \$\(head -1 .*postmaster\.pid\)$/,
    async command => {
      expect((await shell(command)).code).toBe(0)
      await until('its end was noticed', () => running?.out.includes('PostgreSQL has ended'))
    },
  ],
  [/^curl -i .*\/api\/collect/, accepted],
  [
    /^curl -s .*\/status\.json$/,
    async command => {
      const breaker = await until('the breaker is open', async () => {
        const { breakers } = JSON.parse((await shell(command)).out) as {
          breakers: { name: string; state: string }[]
        }
        return breakers.find(({ name, state }) => name === 'db' && state !== 'CLOSED')
      })
      expect(breaker.name).toBe('db')
    },
  ],
  [
    /^npm run rows$/,
    async command => {
      const { code, err } = await shell(command)
      expect(code).toBe(1)
      expect(err).toContain('PostgreSQL is away')
      await until('it is back', () => running?.out.includes('db is back'))
      await agreeing(2)
    },
  ],
  [
    /^kill -9 \$\(node -p .*run\.json/,
    async command => {
      const killed = running
      expect((await shell(command)).code).toBe(0)
      await killed?.ended
    },
  ],
  [
    /^npm start$/,
    async command => {
      const before = existsSync(join(data, 'log'))
      await start(command)
      expect(before).toBe(true)
      expect(running?.out).toMatch(/Goes on with \d+ events in events.raw/)
      await agreeing(2)
    },
  ],
  [/^curl -s .*\/readyz$/, async command => expect((await shell(command)).out).toBe('ready\n')],
  [
    /^curl -s .*\/metrics$/,
    async command =>
      expect((await shell(command)).out).toContain(
        'events_published_total{topic="events.raw",source="http"}',
      ),
  ],
  [
    /^curl -s .*\/v1\/limits$/,
    async command => expect(JSON.parse((await shell(command)).out)).toMatchObject({ durability: 'fsync' }),
  ],
  [
    /^npx holdfast dlq list$/,
    async command =>
      expect(await shell(command)).toMatchObject({
        code: 0,
        err: expect.stringContaining('no dead letters'),
      }),
  ],
  [
    /^npx holdfast explain-error not_stored$/,
    async command => expect((await shell(command)).out).toContain('not_stored (503)'),
  ],
  [
    /^npx holdfast log verify \.holdfast\/log$/,
    async command =>
      expect(await shell(command)).toMatchObject({ code: 0, out: expect.stringContaining('events.raw') }),
  ],
  // This run.
  [/^npm test$/, async () => {}],
]

async function accepted(command: string): Promise<void> {
  const { out } = await shell(command)
  expect(out).toMatch(/^HTTP\/1\.1 202 Accepted/)
  expect(out).toContain('collector-durability: fsync')
}

describe('the README, followed word by word', () => {
  it('has no command that is not run here', () => {
    expect(commands).toHaveLength(expected.length)
    for (const [i, [pattern]] of expected.entries()) expect(commands[i]).toMatch(pattern)
  })

  it('does what it says, through the death of PostgreSQL and of Holdfast', { timeout: 300_000 }, async () => {
    for (const [i, [, check]] of expected.entries()) await check(commands[i] ?? '')
  })

  it('names in its banner only what works', async () => {
    const printed = running?.out ?? ''
    for (const url of printed.match(/http:\/\/\S+/g) ?? []) {
      const response = await fetch(url)
      // The address of the curl takes POST only.
      expect(response.status, url).toBe(url.endsWith('/api/collect') ? 405 : 200)
    }
    const tries = [...printed.matchAll(/try: {2}(.*?)(?: {3,}.*)?$/gm)].map(([, command = '']) => command)
    expect(tries.map(command => command.split(' ')[0])).toEqual(['curl', 'npm', 'kill'])
    expect((await shell(tries[0] ?? '')).out).toMatch(/^HTTP\/1\.1 202/)
    expect((await shell(tries[1] ?? '')).out).toContain('events kept')
    expect((await shell(tries[2] ?? '')).code).toBe(0)
    await until('PostgreSQL was what it killed', () => running?.out.includes('PostgreSQL has ended'))
  })

  it('Ctrl-C drains and leaves no process', async () => {
    const pid = running?.child.pid ?? 0
    const postmaster = (await shell('cat .holdfast/pg-*/server.json')).out
    process.kill(-pid, 'SIGINT')
    // npm and its shell pass the signal on as their own end, so the last word of the process itself counts.
    await running?.ended
    expect(running?.out).toContain('"msg":"stopped"')
    expect(postmaster).toMatch(/"pid":\d+/)
    const postgres = Number(/"pid":(\d+)/.exec(postmaster)?.[1])
    expect(() => process.kill(postgres, 0)).toThrow(/ESRCH/)
    expect(() => process.kill(-pid, 0)).toThrow(/ESRCH/)
  })
})
