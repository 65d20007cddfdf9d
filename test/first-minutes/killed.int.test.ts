import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { startChild } from '../harness/child.ts'
import {
  click,
  drained,
  exampleEnvironment,
  exampleFolder,
  processesOf,
  startExample,
  startInTerminal,
  type ExampleOptions,
} from '../harness/example.ts'
import { observed } from '../harness/observed.ts'
import { CTRL_C, noTerminal } from '../harness/terminal.ts'
import { until } from '../harness/until.ts'

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

async function eventsKept(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ count: string }>('select count(*) from campaigns.raw_events')
    return Number(rows[0]?.count)
  } finally {
    await client.end()
  }
}

/** What a start makes in a database once, with the moment or the name that it was given then. */
async function madeIn(databaseUrl: string): Promise<unknown[]> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query(`
      select 'initdb' as what, system_identifier::text as made from pg_control_system()
      union all select 'migration ' || version, applied_at::text from holdfast.migration order by 1`)
    expect(rows.length).toBeGreaterThan(1)
    return rows
  } finally {
    await client.end()
  }
}

function runOf(data: string): {
  pid: number
  collectorUrl: string
  adminUrl: string
  databaseUrl: string
} {
  return JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as ReturnType<typeof runOf>
}

/** What a start has made so far, by the folder. Each is a moment at which it is killed. */
const moments: readonly (readonly [name: string, reached: (data: string) => boolean])[] = [
  ['its folder is there', data => existsSync(data)],
  ['PostgreSQL is being made', data => pgFolder(data).some(name => name.startsWith('data.new'))],
  ['PostgreSQL starts', data => pgFolder(data).includes('server.json')],
  ['the log is being made', data => existsSync(join(data, 'log'))],
  ['it runs', data => existsSync(join(data, 'run.json'))],
]

function pgFolder(data: string): string[] {
  const name = existsSync(data) ? readdirSync(data).find(name => name.startsWith('pg-')) : undefined
  return name === undefined ? [] : readdirSync(join(data, name))
}

it('npm start killed at any moment of its start works again, and nothing is left of the killed ones', async () => {
  const data = exampleFolder()
  const options: ExampleOptions = { data }
  for (const [moment, reached] of moments) {
    const { child } = await startExample(options)
    await until(moment, () => reached(data))
    expect(await child.kill(), moment).toMatchObject({ signal: 'SIGKILL' })
  }
  const left = processesOf(data)
  // The last one was running, and its PostgreSQL with it.
  expect(left.length).toBeGreaterThan(0)
  // As if that had said much.
  const logFile = join(data, 'logs', 'postgres.log')
  const former = `${logFile}.1`
  appendFileSync(logFile, 'a line of a former run\n'.repeat(500_000))

  const last = await startExample(options)
  const { collectorUrl, adminUrl, databaseUrl } = await last.running()
  await until('the former PostgreSQL is gone', () => !left.some(isAlive))
  expect((await click(collectorUrl)).status).toBe(202)
  await drained(adminUrl)
  expect(await eventsKept(databaseUrl)).toBe(1)
  expect(readFileSync(logFile, 'utf8')).toContain('database system is ready to accept connections')
  expect(statSync(logFile).size).toBeLessThan(10_000_000)
  expect(statSync(former).size).toBeGreaterThan(10_000_000)
  expect(readdirSync(join(data, 'logs')).toSorted()).toEqual(['postgres.log', 'postgres.log.1'])

  expect(await last.child.terminate()).toMatchObject({ code: 0 })
  expect(processesOf(data)).toEqual([])
  observed(
    `SIGKILL ${moments.length} times during the start, PostgreSQL ${left.join(', ')} left behind and ended, ` +
      `${statSync(former).size} bytes of its log moved`,
  )
})

it.skipIf(noTerminal)(
  'kill -9 of npm start: what it started ends, or is stopped by the next start; --reset asks, and begins clean',
  async () => {
    const data = exampleFolder()
    const bootstrap = await startChild({
      name: 'bootstrap',
      args: ['scripts/bootstrap.js', 'start', '--no-traffic'],
      env: exampleEnvironment(data),
    })
    await bootstrap.line(/Ctrl-C stops/, 120_000)
    const { pid, collectorUrl, adminUrl, databaseUrl } = runOf(data)
    expect(pid).not.toBe(bootstrap.pid)
    expect((await click(collectorUrl)).status).toBe(202)
    await drained(adminUrl)
    const made = await madeIn(databaseUrl)
    process.kill(bootstrap.pid, 'SIGKILL')
    await until('what it started has ended', () => !isAlive(pid))
    await until('PostgreSQL too', () => processesOf(data).length === 0)

    // One that is killed itself leaves its PostgreSQL to the next start, whatever that is asked to do.
    const killed = await startExample({ data })
    await killed.running()
    expect(killed.said()).toContain('Goes on with 1 event in events.raw')
    // Nothing was made anew: no cluster, no migration. How long that took says the machine more than the program.
    expect(await madeIn(databaseUrl)).toEqual(made)
    observed(
      `second start: ${/started in ([\d.]+ s)/.exec(killed.said())?.[1] ?? expect.fail('no time said')}`,
    )
    await killed.child.kill()
    const left = processesOf(data)
    expect(left.length).toBeGreaterThan(0)
    writeFileSync(join(data, 'notes.txt'), 'mine')

    const unasked = await startExample({ data, args: ['--reset'] })
    expect(await unasked.child.exited).toMatchObject({ code: 4 })
    expect(unasked.said()).toContain('CONFIRMATION_NEEDED')
    expect(unasked.said()).toContain('there is no terminal to ask at')
    expect(existsSync(join(data, 'log', 'data.mdb'))).toBe(true)
    expect(left.every(isAlive)).toBe(true)

    const anew = startInTerminal(data, '--reset')
    await until('the question', () => anew.screen().includes('Type yes to go on'))
    anew.type('yes\n')
    await until('the banner', () => anew.screen().includes('Ctrl-C stops'))
    expect(anew.screen()).not.toContain('Goes on with')
    // Killed, and perhaps a zombie for a moment: nobody here is its parent.
    await until('the former PostgreSQL is gone', () => !left.some(isAlive))
    expect(await eventsKept(runOf(data).databaseUrl)).toBe(0)
    expect(readFileSync(join(data, 'notes.txt'), 'utf8')).toBe('mine')
    anew.type(CTRL_C)
    expect(await anew.ended).toBe(0)
    expect(anew.screen()).toMatch(
      /\d\d:\d\d:\d\d stopping: no event is in work; a second signal ends at once\n/,
    )
    expect(processesOf(data)).toEqual([])
  },
)
