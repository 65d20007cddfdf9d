import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdPort } from '../src/server/index.ts'
import { processesOf } from './harness/example.ts'
import { observed } from './harness/observed.ts'
import { CTRL_C, inTerminal, type Terminal } from './harness/terminal.ts'
import { until } from './harness/until.ts'
import { namedBrokers } from './support/test-logs.ts'

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
/** Names a Kafka for the log where the tests run on one. */
let brokers: Record<string, string> = {}
const isOnKafka = (): boolean => Object.keys(brokers).length > 0
/** The terminal in which `npm start` runs now. */
let running: Terminal | undefined

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
    // Commands ask the process that runs: where its log is, only that knows.
    ...(isOnKafka() && { ...brokers, HOLDFAST_URL: `http://127.0.0.1:${ports.admin}` }),
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

/** `npm start` in a terminal, until its banner is complete. */
async function start(command: string): Promise<void> {
  running = inTerminal(asHere(command), environment())
  const { screen, ended } = running
  let gone = false
  void ended.then(() => (gone = true))
  await until('the banner', () => screen().includes('Ctrl-C stops') || gone)
  expect(screen()).toContain('Ctrl-C stops')
}

beforeAll(async () => {
  const held = await Promise.all(['A', 'B'].map(setBy => holdPort({ host: '127.0.0.1', port: 0, setBy })))
  ports = { collector: held[0]?.port ?? 0, admin: held[1]?.port ?? 0 }
  await Promise.all(held.map(port => port.release()))
  brokers = await namedBrokers()
})

afterAll(async () => {
  await running?.hangUp()
  await until('nothing is left', () => processesOf(data).length === 0)
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
      await until('its end was noticed', () => running?.screen().includes('PostgreSQL has ended'))
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
      const screen = (): string => running?.screen() ?? ''
      await until('it is back', () => screen().includes('db is back'))
      await agreeing(2)
      const outage = screen().slice(screen().indexOf('Ctrl-C stops')).trim().split('\n').slice(2)
      expect(outage.length, outage.join('\n')).toBeLessThanOrEqual(5)
      for (const line of outage) expect(line).toMatch(/^\d\d:\d\d:\d\d (! )?[A-Za-z]/)
      observed(`a real outage printed at a terminal: ${outage.join(' | ')}`)
    },
  ],
  [
    /^kill -9 \$\(node -p .*run\.json/,
    async command => {
      const killed = running
      expect((await shell(command)).code).toBe(0)
      expect(await killed?.ended).toBe(1)
      expect(killed?.screen()).toContain('holdfast: ended by SIGKILL')
    },
  ],
  [
    /^npm start$/,
    async command => {
      const before = existsSync(join(data, 'log'))
      await start(command)
      expect(before).toBe(!isOnKafka())
      expect(running?.screen()).toMatch(/Goes on with \d+ events? in events.raw/)
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
    async command =>
      expect(JSON.parse((await shell(command)).out)).toMatchObject({ durability: durability() }),
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
    async command => {
      // A folder is looked at, and there is none.
      const verified = isOnKafka() ? { code: 2 } : { code: 0, out: expect.stringContaining('events.raw') }
      expect(await shell(command)).toMatchObject(verified)
    },
  ],
  [
    /^npm run demo$/,
    async command => {
      const { code, out, err } = await shell(`${command} -- --duration 8s`)
      expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('report.html') })
      expect(out).toMatch(/All \d+ checks held/)
    },
  ],
  // This run.
  [/^npm test$/, async () => {}],
]

async function accepted(command: string): Promise<void> {
  const { out } = await shell(command)
  expect(out).toMatch(/^HTTP\/1\.1 202 Accepted/)
  expect(out).toContain(`collector-durability: ${durability()}`)
}

const durability = (): string => (isOnKafka() ? 'single' : 'fsync')

describe('the README, followed word by word', () => {
  it('has no command that is not run here', () => {
    expect(commands).toHaveLength(expected.length)
    for (const [i, [pattern]] of expected.entries()) expect(commands[i]).toMatch(pattern)
  })

  it('does what it says, through the death of PostgreSQL and of Holdfast', { timeout: 300_000 }, async () => {
    for (const [i, [, check]] of expected.entries()) await check(commands[i] ?? '')
  })

  it('names in its banner only what works', async () => {
    const printed = running?.screen() ?? ''
    for (const url of printed.match(/http:\/\/\S+/g) ?? []) {
      const response = await fetch(url)
      // The address of the curl takes POST only.
      expect(response.status, url).toBe(url.endsWith('/api/collect') ? 405 : 200)
    }
    const tries = [...printed.matchAll(/try: {2}(.*?)(?: {3,}.*)?$/gm)].map(([, command = '']) => command)
    expect(tries.map(command => command.split(' ')[0])).toEqual(['curl', 'npm', 'kill', 'npm'])
    // The README names it too, and it is run there.
    expect(tries[3]).toBe('npm run demo')
    expect((await shell(tries[0] ?? '')).out).toMatch(/^HTTP\/1\.1 202/)
    expect((await shell(tries[1] ?? '')).out).toContain('events kept')
    expect((await shell(tries[2] ?? '')).code).toBe(0)
    await until('PostgreSQL was what it killed', () => running?.screen().includes('PostgreSQL has ended'))
  })

  it('Ctrl-C drains and leaves no process', async () => {
    const { pid } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as { pid: number }
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    running?.type(CTRL_C)
    expect(await running?.ended).toBe(0)
    expect(running?.screen()).toMatch(/ stopping: .*; a second signal ends at once\n/)
    expect(running?.screen()).toMatch(/ stopped\n/)
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    expect(processesOf(data)).toEqual([])
  })
})
