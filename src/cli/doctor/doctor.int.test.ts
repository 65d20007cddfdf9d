import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { until } from '../../../test/harness/until.ts'
import { fileKafka, noOwnKafka } from '../../../test/kafka.ts'
import { testDatabase } from '../../../test/postgres.ts'
import type { Finding } from '../../event/index.ts'
import { runCli } from '../program.ts'

const database = testDatabase()
const shop = join(import.meta.dirname, '../../../test/fixtures/shop-app.ts')

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

interface Seen {
  readonly code: number
  readonly checks: readonly Finding[]
  readonly err: string
}

/** Without a port that something on this machine could have, unless `env` names one. */
async function doctor(env: Record<string, string> = {}, ...args: string[]): Promise<Seen> {
  let [out, err] = ['', '']
  const io = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    env: { HOLDFAST_PORT: '0', HOLDFAST_ADMIN_PORT: '0', HOLDFAST_DATA: folder(), ...env },
  }
  const code = await runCli(['doctor', ...args, '--json'], io)
  return { code, err, checks: (JSON.parse(out) as { checks: Finding[] }).checks }
}

const named = (seen: Seen, check: string): Finding | undefined => seen.checks.find(one => one.check === check)

it('doctor measures the disk and finds nothing wrong with a log in use', async () => {
  const data = folder()
  const log = await openLog(join(data, 'log'))
  onTestFinished(() => log.close())
  const seen = await doctor({ HOLDFAST_DATA: data })
  expect(seen.code).toBe(0)
  expect(named(seen, 'log')).toMatchObject({
    status: 'ok',
    found: expect.stringMatching(/^format \d+, written by/) as string,
  })
  expect(named(seen, 'fsync')?.found).toMatch(/^p50 /)
})

it('doctor answers 7 for a log whose end is missing, and says what to do', async () => {
  const data = folder()
  await (await openLog(join(data, 'log'))).close()
  truncateSync(join(data, 'log', 'data.mdb'), 8192)
  const seen = await doctor({ HOLDFAST_DATA: data })
  expect(seen.code).toBe(7)
  expect(named(seen, 'log')).toMatchObject({
    status: 'fail',
    found: expect.stringContaining('its end is missing') as string,
  })
  expect(seen.err).toContain('holdfast log verify')
})

it('doctor names the process that has a port', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const seen = await doctor({ HOLDFAST_PORT: String(port) })
  expect(seen.code).toBe(0)
  expect(named(seen, `port ${port} (collector)`)).toMatchObject({
    status: 'warn',
    found: expect.stringContaining(`process ${process.pid} (`) as string,
  })
})

it('doctor looks at the rights and settings of PostgreSQL and changes nothing', async () => {
  const seen = await doctor({ DATABASE_URL: database.url })
  expect(named(seen, 'postgres version')?.status).toBe('ok')
  expect(named(seen, 'postgres rights')?.status).toBe('ok')
  // The server of the tests runs without fsync.
  expect(named(seen, 'postgres settings')).toMatchObject({
    status: 'warn',
    found: expect.stringContaining('fsync is off') as string,
  })
  const client = new Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  expect((await client.query("select to_regnamespace('holdfast') as there")).rows).toEqual([{ there: null }])

  await client.query("create role doctor_guest login password 'guest'")
  const guest = new URL(database.url)
  Object.assign(guest, { username: 'doctor_guest', password: 'guest' })
  const refused = await doctor({ DATABASE_URL: guest.href })
  await client.query('drop role doctor_guest')
  expect(refused.code).toBe(7)
  expect(named(refused, 'postgres rights')).toMatchObject({
    status: 'fail',
    found: expect.stringContaining('may not create') as string,
  })
})

it('doctor answers 7 when PostgreSQL is away, without its password', async () => {
  const seen = await doctor({ DATABASE_URL: 'postgres://a:secret@127.0.0.1:1/x' })
  expect(seen.code).toBe(7)
  expect(named(seen, 'postgres')).toMatchObject({ status: 'fail' })
  expect(JSON.stringify(seen)).not.toContain('secret')
})

it('doctor --launch prints the ten things, answers 7 for what must not stay, and needs an app', async () => {
  const made = folder()
  const file = join(made, 'shop.ts')
  const source = join(import.meta.dirname, '..', '..', 'index.ts')
  writeFileSync(
    file,
    `import { app, embedded, topic } from ${JSON.stringify(source)}
const anything = { '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) } }
const orders = topic('orders', { key: 'n', events: { placed: anything } })
const shop = app({ name: 'shop', log: embedded(${JSON.stringify(join(made, 'log'))}) })
shop.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
shop.collector({ port: 0, topics: [orders], keys: { pk_demo: { tenant: 'demo' } } })
export default shop
`,
  )
  let [out, err] = ['', '']
  const io = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    env: { HOLDFAST_ADMIN_PORT: '0', HOLDFAST_DATA: made },
  }
  expect(await runCli(['doctor', '--launch', file], io)).toBe(7)
  expect(out.split('\n').filter(line => /^(ok|warn|fail|ask) /.test(line))).toHaveLength(10)
  expect(out).toMatch(/^fail +senders /m)
  expect(out).toMatch(/^ask +effects once .*billing: placed/m)
  expect(err).toContain('1 of 10 checks failed: senders')
  expect(await runCli(['doctor', '--launch'], io)).toBe(2)
})

describe.skipIf(noOwnKafka)('doctor on Kafka', () => {
  const own = fileKafka(() => ({}))

  it('compares the topics of an app with what the brokers have, its lanes and dead letters included', async () => {
    const { cluster } = own
    vi.stubEnv('TEST_LOG', JSON.stringify({ data: '', brokers: cluster.brokers.split(',') }))
    onTestFinished(() => void vi.unstubAllEnvs())
    const kafka = ({ checks }: Seen): Finding[] =>
      checks.filter(({ check }) => check.startsWith('topic ') || check.startsWith('kafka '))
    expect(kafka(await doctor({}, shop))).toMatchObject([
      { status: 'ok', found: '0 of 3 are there, as they are declared' },
    ])
    const set = (name: string, value: string): { name: string; value: string } => ({ name, value })
    await cluster.ask(admin =>
      admin.createTopics({
        topics: ['orders'],
        partitions: 3,
        replicas: 1,
        configs: [set('cleanup.policy', 'compact'), set('retention.ms', '60000')],
      }),
    )
    await cluster.ask(admin =>
      admin.createTopics({
        topics: ['orders.billing.dead'],
        partitions: 3,
        replicas: 1,
        configs: [set('retention.ms', '60000')],
      }),
    )
    // A broker may hear of a new topic a moment later.
    const seen = await until('three things are found', async () => {
      const now = await doctor({}, shop)
      return kafka(now).length === 3 && now
    })
    expect(seen.code).toBe(7)
    expect(kafka(seen).map(({ status, check, found }) => `${status} ${check}: ${found}`)).toEqual([
      'fail topic orders: cleanup.policy is compact',
      'warn topic orders: retention.ms 604800000 is declared, it is 60000: events are deleted early',
      'warn topic orders.billing.dead: retention.ms -1 is declared, it is 60000: events are deleted early',
    ])
    await cluster.nodes[0]?.kill()
    expect(named(await doctor({}, shop), 'log')).toMatchObject({ status: 'fail' })
  })
})
