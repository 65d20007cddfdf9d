import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { testDatabase } from '../../test/postgres.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { topic } from '../schema/index.ts'
import { app } from '../server/app.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = join(root, 'bin', 'holdfast.js')

interface Command {
  out: string
  err: string
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  kill(signal: NodeJS.Signals): void
}

function holdfast(args: readonly string[], env: Record<string, string> = {}): Command {
  const child = spawn(process.execPath, [bin, ...args], { cwd: root, env: { ...process.env, ...env } })
  const command: Command = {
    out: '',
    err: '',
    ended: new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal ?? 'gone'))),
    kill: signal => void child.kill(signal),
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (command.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (command.err += text))
  onTestFinished(() => void child.kill('SIGKILL'))
  return command
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast cli ü '))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), note: z.string() }) },
})

describe('holdfast start', () => {
  it('runs an app with its status page, and ends with 0 after SIGTERM', async () => {
    const command = holdfast(['start', 'test/fixtures/small-app.ts'], { HOLDFAST_ADMIN_PORT: '0' })
    const url = await until('the status page is announced', () => /http:\S+/.exec(command.err)?.[0])
    expect(await (await fetch(`${url}/readyz`)).text()).toBe('ready\n')
    expect(await (await fetch(url)).text()).toContain('billing')
    command.kill('SIGTERM')
    expect(await command.ended).toBe(0)
    expect(command.out).toBe('')
  })

  it('refuses a role in which the app would do nothing, and a role that there is not', async () => {
    const idle = holdfast(['start', 'collector', 'test/fixtures/small-app.ts'])
    expect(await idle.ended).toBe(2)
    expect(idle.err).toContain('app shop has nothing to do as collector')
    const unknown = holdfast(['start', 'consumer', 'test/fixtures/small-app.ts'])
    expect(await unknown.ended).toBe(2)
    expect(unknown.err).toContain('holdfast start collector|consumers|relay|all test/fixtures/small-app.ts')
  })

  it('refuses a module that exports no app', async () => {
    const command = holdfast(['start', 'vitest.config.ts'])
    expect(await command.ended).toBe(2)
    expect(command.err).toContain('does not export an app')
  })
})

describe('holdfast dlq list', () => {
  it('lists the letters of a log that is in use, and keeps the output for machines whole', async () => {
    const log = join(folder(), 'log')
    const a = app({ name: 'shop', log: embedded(log) })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', () => {
      throw new RangeError('no such \u001b[31mcustomer')
    })
    await a.start()
    onTestFinished(() => a.stop())
    await a.publish(orders, 'placed', { customer: 'c1', note: 'x' }, { id: 'order-1' })
    await until('it is dead', async () =>
      (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
    )

    const people = holdfast(['dlq', 'list', '--log', log])
    expect(await people.ended).toBe(0)
    expect(people.out).toMatch(/^ID +DIED +GROUP +EVENT +TYPE/)
    expect(people.out).toContain('billing  orders/0/0')
    expect(people.out).toContain('no such ·[31mcustomer')

    const machine = holdfast(['dlq', 'list', '--log', log, '-o', 'json'])
    expect(await machine.ended).toBe(0)
    expect(JSON.parse(machine.out)).toMatchObject({
      format: 1,
      letters: [{ group: 'billing', topic: 'orders', eventId: 'order-1', reason: 'attempts' }],
    })

    const others = holdfast(['dlq', 'list', '--log', log, '--group', 'shipping'])
    // A wrong name is no all-clear.
    expect(await others.ended).toBe(3)
    expect(others.out).toBe('')
    expect(others.err).toMatch(/GROUP_UNKNOWN[\s\S]*billing/)
  })

  it('does not make a log where there is none', async () => {
    const empty = folder()
    const command = holdfast(['dlq', 'list', '--log', join(empty, 'log')])
    expect(await command.ended).toBe(3)
    expect(readdirSync(empty)).toEqual([])
  })
})

describe('holdfast log stats', () => {
  it('says what is in each partition of a log in use, and how far each group is', async () => {
    const log = join(folder(), 'log')
    const a = app({ name: 'shop', log: embedded(log) })
    const late = Promise.withResolvers<void>()
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', e =>
      e.data.note === 'late' ? late.promise : undefined,
    )
    await a.start()
    onTestFinished(() => a.stop())
    onTestFinished(() => late.resolve())
    const before = Date.now()
    for (let n = 0; n < 5; n++) await a.publish(orders, 'placed', { customer: 'c1', note: `n${n}` })
    await until('all are done', async () =>
      (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
    )
    for (let n = 0; n < 2; n++) await a.publish(orders, 'placed', { customer: 'c1', note: 'late' })

    const people = holdfast(['log', 'stats', log])
    expect(await people.ended).toBe(0)
    expect(people.out).toMatch(
      /^TOPIC +PARTITION +EVENTS +BYTES +FIRST +AT +LAST +AT\norders +0 +7 +\d+ +0 +\S+Z +6 +\S+Z$/m,
    )
    expect(people.out).toMatch(/^billing +orders +0 +5 +2 +shop@/m)

    const machine = holdfast(['log', 'stats', log, '-o', 'json'])
    expect(await machine.ended).toBe(0)
    const report = JSON.parse(machine.out) as { topics: { bytes: number; first: { at: string } }[] }
    expect(report).toMatchObject({
      format: 1,
      folder: log,
      topics: [
        { topic: 'orders', partition: 0, events: 7, first: { offset: '0' }, last: { offset: '6' } },
        { topic: 'orders.billing.dead', partition: 0, events: 0, bytes: 0, first: null, last: null },
        { topic: 'orders.billing.retry', partition: 0, events: 1 },
      ],
      groups: [{ group: 'billing', topic: 'orders', partition: 0, position: '5', lag: 2 }],
    })
    expect(report.topics[0]?.bytes).toBeGreaterThan(7 * 10)
    const first = Date.parse(report.topics[0]?.first.at ?? '')
    expect(first).toBeGreaterThanOrEqual(before - 1_000)
    expect(first).toBeLessThanOrEqual(Date.now())
  })
})

describe('holdfast log verify', () => {
  it('finds nothing in a whole log, and says where a changed byte is', async () => {
    const log = join(folder(), 'log')
    const a = app({ name: 'shop', log: embedded(log) })
    await a.start()
    for (let n = 0; n < 20; n++) await a.publish(orders, 'placed', { customer: 'c1', note: `needle-${n}` })
    await a.stop()

    const whole = holdfast(['log', 'verify', log])
    expect(await whole.ended).toBe(0)
    expect(whole.out).toMatch(/orders +0 +20 .* ok\n/)

    expect(changeBytes(log, 'needle-7')).toBeGreaterThan(0)
    const damaged = holdfast(['log', 'verify', log, '-o', 'json'])
    expect(await damaged.ended).toBe(7)
    const report = JSON.parse(damaged.out) as {
      ok: boolean
      partitions: { topic: string; findings: string[] }[]
    }
    expect(report.ok).toBe(false)
    expect(report.partitions.find(({ topic }) => topic === 'orders')?.findings).not.toEqual([])
  })

  it('refuses a folder that holds no log', async () => {
    const command = holdfast(['log', 'verify', folder()])
    expect(await command.ended).toBe(2)
    expect(command.err).toContain('there is no log in')
  })
})

describe('holdfast log backup, restore and compact', () => {
  it('copy a log that is in use, and refuse to overwrite and to compact meanwhile', async () => {
    const base = folder()
    const [log, file, restored] = [join(base, 'log'), join(base, 'copy'), join(base, 'restored')]
    const a = app({ name: 'shop', log: embedded(log) })
    await a.start()
    onTestFinished(() => a.stop())
    for (let n = 0; n < 20; n++) await a.publish(orders, 'placed', { customer: 'c1', note: `n${n}` })

    const backup = holdfast(['log', 'backup', log, file])
    expect(await backup.ended).toBe(0)
    expect(backup.out).toMatch(/20 records, .*, checked\n$/)
    const again = holdfast(['log', 'backup', log, file])
    expect(await again.ended).toBe(4)
    const compact = holdfast(['log', 'compact', log])
    expect(await compact.ended).toBe(4)
    expect(compact.err).toContain(`process ${process.pid} `)

    const restore = holdfast(['log', 'restore', file, restored, '-o', 'json'])
    expect(await restore.ended).toBe(0)
    expect(JSON.parse(restore.out)).toMatchObject({ format: 1, to: restored, records: 20 })
    const over = holdfast(['log', 'restore', file, log])
    expect(await over.ended).toBe(4)
    const missing = holdfast(['log', 'restore', join(base, 'none'), join(base, 'new')])
    expect(await missing.ended).toBe(3)

    const compacted = holdfast(['log', 'compact', restored])
    expect(await compacted.ended).toBe(0)
    expect(compacted.out).toMatch(/ before, .* now\n$/)
  })
})

/** Changes every occurrence of `needle` in the files of a folder; answers how many there were. */
function changeBytes(where: string, needle: string): number {
  let changed = 0
  for (const entry of readdirSync(where, { withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(where, entry.name)
    const bytes = readFileSync(file)
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
      bytes[at] = 0x4e
      changed += 1
    }
    if (changed > 0) writeFileSync(file, bytes)
  }
  return changed
}

describe('holdfast db migrate', () => {
  const database = testDatabase()

  it('makes the schema, and again does nothing', async () => {
    for (let time = 0; time < 2; time++) {
      const command = holdfast(['db', 'migrate'], { DATABASE_URL: database.url })
      expect(await command.ended).toBe(0)
      expect(command.err).toContain('up to date')
      expect(command.err).not.toContain(new URL(database.url).password)
    }
    const client = new Client({ connectionString: database.url })
    await client.connect()
    const { rows } = await client.query('select count(*)::int as n from holdfast.migration')
    await client.end()
    expect(rows[0]).not.toEqual({ n: 0 })
  })

  it('prints SQL without a database, and says what is missing without a URL', async () => {
    const printed = holdfast(['db', 'migrate', '--print'], { DATABASE_URL: '' })
    expect(await printed.ended).toBe(0)
    expect(printed.out).toContain('create schema if not exists holdfast')
    const missing = holdfast(['db', 'migrate'], { DATABASE_URL: '' })
    expect(await missing.ended).toBe(2)
  })

  it('answers 5 when the database cannot be reached', async () => {
    const command = holdfast(['db', 'migrate', '--url', 'postgres://a:secret@127.0.0.1:1/x'])
    expect(await command.ended).toBe(5)
    expect(command.err).not.toContain('secret')
  })
})
