import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { movesLog, type MovesLog } from '../../../test/apps/moves-log.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import { topic } from '../../schema/index.ts'
import { startAdmin } from '../../server/admin-server.ts'
import { app, type App } from '../../server/app.ts'
import { runCli } from '../program.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const bin = join(root, 'bin', 'holdfast.js')
/** An app as a module, for the commands that load one. */
const module = join(root, 'test/fixtures/shop-app.ts')

const placed = z.object({ customer: z.string(), total: z.number() })
const orders = topic('orders', { key: 'customer', partitions: 3, events: { placed } })
const mails = topic('mails', { partitions: 1, events: { sent: z.object({ to: z.string() }) } })

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function holdfast(env: Record<string, string>, args: string[], input?: string): Promise<Ran> {
  let [out, err] = ['', '']
  const io = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    env,
    ...(input === undefined ? {} : { input: [Buffer.from(input)] as unknown as AsyncIterable<Uint8Array> }),
  }
  const code = await runCli(args, io)
  return { code, out, err }
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-events-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

function shop(place: MovesLog): App<boolean> {
  const a = app({ name: 'shop', log: movesLog(place) })
  a.consumer('billing', orders, { from: 'earliest' }).on('placed', async (event, context) => {
    if (event.data.total > 100) await context.publish(mails, 'sent', { to: event.data.customer })
  })
  a.consumer('archive', mails, { from: 'earliest' }).on('sent', () => {})
  return a
}

/** Nine orders of three customers, of which two cause a mail. */
async function fill(place: MovesLog): Promise<void> {
  const a = shop(place)
  await a.start()
  for (let n = 0; n < 9; n++) {
    const order = { customer: `c${n % 3}`, total: n * 15 }
    await a.publish(orders, 'placed', order, { id: `order-${n}`, correlationId: `visit-${n % 3}` })
  }
  await until('all are done', async () => (await a.groups()).every(({ lag }) => lag === 0n))
  await a.stop()
}

describeOn(['embedded', 'kafka'], 'commands about events, by the log', on => {
  let env: Record<string, string>

  beforeAll(async () => {
    const place = await on.place()
    env = on.env(place)
    await fill(place)
  })

  it('consume prints events by their times, filtered by place, key and expression, and ends at the limit', async () => {
    const all = await holdfast(env, ['topic', 'consume', 'orders', '--format', String.raw`%i %y %k %v\n`])
    expect(all).toMatchObject({ code: 0, err: '' })
    expect(all.out.split('\n').slice(0, 2)).toEqual([
      'order-0 placed c0 {"customer":"c0","total":0}',
      'order-1 placed c1 {"customer":"c1","total":15}',
    ])
    const ids = async (...options: string[]): Promise<string[]> =>
      (await holdfast(env, ['topic', 'consume', 'orders', '--format', String.raw`%i\n`, ...options])).out
        .trim()
        .split('\n')
    expect(await ids()).toEqual(Array.from({ length: 9 }, (_, n) => `order-${n}`))
    expect(await ids('--key', 'c1')).toEqual(['order-1', 'order-4', 'order-7'])
    expect(await ids('--where', 'data.total > 100 && key == "c1"')).toEqual(['order-7'])
    expect(await ids('--limit', '2')).toEqual(['order-0', 'order-1'])
    expect(await ids('--from', 'end')).toEqual([''])
    expect(await ids('--from', '-1h')).toHaveLength(9)
    expect(await ids('--from', '1h', '--to', '-30m')).toEqual([''])
    const offsets = (
      await holdfast(env, ['topic', 'consume', 'orders', '--key', 'c1', '--format', String.raw`%p %o\n`])
    ).out
    const [partition = '', second = ''] = offsets.split('\n')[1]?.split(' ') ?? []
    expect(await ids('--partition', partition, '--from', second, '--key', 'c1')).toEqual([
      'order-4',
      'order-7',
    ])
  })

  it('consume names what it cannot read', async () => {
    const run = (...args: string[]): Promise<Ran> => holdfast(env, ['topic', 'consume', ...args])
    expect(await run('nothing')).toMatchObject({ code: 3 })
    expect((await run('nothing')).err).toContain('There are mails, ')
    expect(await run('orders', '--partition', '7')).toMatchObject({ code: 2 })
    expect(await run('orders', '--from', 'yesterday')).toMatchObject({ code: 2 })
    expect((await run('orders', '--where', 'data.total >')).err).toContain('the filter "data.total >"')
    expect((await run('orders', '--format', '%q')).err).toContain('%q means nothing')
  })

  it('explain, show, trace and find tell of one event what there is', async () => {
    const story = await holdfast(env, ['explain', 'order-7'])
    expect(story).toMatchObject({ code: 0, err: '' })
    expect(story.out).toContain('order-7  placed  key c1')
    expect(story.out).toContain('story of      visit-1')
    expect(story.out).toMatch(/ {2}billing +done or skipped before position \d+; nothing durable says which/)
    expect(story.out).toMatch(/ {2}caused +sent \S+ in mails\/0 offset \d/)
    const json = JSON.parse((await holdfast(env, ['explain', 'order-7', '-o', 'json'])).out) as {
      events: { caused: { id: string }[] }[]
    }
    expect(json).toMatchObject({ format: 1, events: [{ topic: 'orders', type: 'placed', payload: null }] })
    const mail = json.events[0]?.caused[0]?.id ?? ''
    const trace = await holdfast(env, ['event', 'show', mail, '--trace', '--columns', 'event'])
    expect(trace.out.split('\n').slice(1, -1)).toEqual([
      'placed order-1',
      'placed order-4',
      'placed order-7',
      `  sent ${mail}`,
    ])
    const found = async (...options: string[]): Promise<string[]> =>
      (await holdfast(env, ['event', 'find', '--columns', 'id', '--no-headers', ...options])).out
        .trim()
        .split('\n')
    expect(await found('--correlation', 'visit-1', '--topic', 'orders')).toEqual([
      'order-1',
      'order-4',
      'order-7',
    ])
    expect(await found('--cause', 'order-7')).toEqual([mail])
    expect(await found('--key', 'c2')).toEqual(['order-2', 'order-5', 'order-8'])
    expect(await found('--key', 'c2', '--limit', '1')).toEqual(['order-2'])
    expect(await holdfast(env, ['event', 'find'])).toMatchObject({ code: 2 })
  })

  it('shows a payload only to whoever asks for it, and ends with 3 for an id that is not there', async () => {
    const shown = await holdfast(env, ['event', 'show', 'order-7'])
    expect(shown).toMatchObject({ code: 0 })
    expect(shown.out).not.toContain('105')
    expect((await holdfast(env, ['event', 'show', 'order-7', '--payload'])).out).toContain('"total":105')
    expect(await holdfast(env, ['event', 'show', 'nobody'])).toMatchObject({ code: 3, out: '' })
    const gone = await holdfast(env, ['explain', 'nobody'])
    expect(gone.code).toBe(3)
    const how = on.knowsIds ? 'by the index' : 'by reading'
    expect(gone.out).toMatch(new RegExp(`^nobody {2}is not there\\n {2}searched +\\d+ events ${how}`))
  })

  it('topic stats says what is in each partition and who is behind', async () => {
    const stats = await holdfast(env, ['topic', 'stats', 'orders', '--columns', 'partition,events'])
    const rows = stats.out.split('\n').slice(1, -1)
    expect(rows.map(row => Number(row.trim().split(/\s+/)[1])).reduce((a, b) => a + b, 0)).toBe(9)
    // How many bytes they take is the brokers' to tell.
    expect(stats.err).toContain(on.kind === 'kafka' ? '9 events; ' : '9 events, ')
    expect(stats.err).toContain('billing is caught up')
    const unknown = await holdfast(env, ['topic', 'stats', 'nothing'])
    expect(unknown).toMatchObject({ code: 3 })
    expect(unknown.err).toMatch(/nothing; there are .*orders/)
  })
})

describeOn(['embedded', 'kafka'], 'topic produce', on => {
  const durability = on.kind === 'kafka' ? 'single' : 'fsync'

  it('refuses what does not fit the contract of an app, and stores what does under its key', async () => {
    const place = await on.place()
    const env = on.env(place)
    const produce = (input: string, ...more: string[]): Promise<Ran> =>
      holdfast(env, ['topic', 'produce', 'orders', '--app', module, '--type', 'placed', ...more], input)
    // A folder that is not there is not made by accident.
    if (on.kind === 'embedded')
      expect(await produce('{"customer":"ada","total":5}')).toMatchObject({ code: 3 })
    await shopOnce(place)
    const good = await produce(
      '{"customer":"ada","total":12345678901234567890}\n{"customer":"bob","total":5}\n',
    )
    expect(good.code).toBe(0)
    expect(good.out).toMatch(/^(orders\.\d\.\d+\n){2}$/)
    expect(good.err).toBe(`2 events are durable in orders (${durability})\n`)
    const bad = await produce('{"customer":"eve"}')
    expect(bad).toMatchObject({ code: 2, out: '' })
    expect(bad.err).toContain('EVENT_SCHEMA')
    expect(await produce('{"customer":"eve","total":1}', '--type', 'lost')).toMatchObject({ out: '' })
    const read = await holdfast(env, [
      'topic',
      'consume',
      'orders',
      '--where',
      'key == "ada"',
      '--format',
      '%v',
    ])
    expect(read.out).toBe('{"customer":"ada","total":12345678901234567890}')
  })

  it('says that it checks nothing without an app, and takes what is given', async () => {
    const place = await on.place()
    const env = on.env(place)
    await shopOnce(place)
    const raw = await holdfast(
      env,
      ['topic', 'produce', 'orders', '-k', 'x', '-H', 'ce_subject=s', '-H', 'hf-at=1', '--count', '3'],
      'one\ntwo\n',
    )
    expect(raw.code).toBe(0)
    expect(raw.err).toContain('Not checked against a schema')
    expect(raw.out.split('\n')).toHaveLength(7)
    const read = await holdfast(env, [
      'topic',
      'consume',
      'orders',
      '--key',
      'x',
      '--format',
      String.raw`%v %h\n`,
    ])
    expect(read.out.split('\n')[0]).toBe('one {"ce_subject":"s"}')
    const many = Array.from({ length: 20 }, (_, n) => `{"key":"k${n}","data":${n}}`).join('\n')
    await holdfast(env, ['topic', 'produce', 'orders', '--input', 'jsonl'], many)
    // Twenty keys in three partitions: those of its neighbours are left out.
    for (const n of [3, 7, 11]) {
      const one = await holdfast(env, ['topic', 'consume', 'orders', '--key', `k${n}`, '--format', '%v'])
      expect(one.out).toBe(String(n))
    }
    const typed = await holdfast(env, ['topic', 'produce', 'orders', '--type', 'odd'], '{}')
    expect(typed.code).toBe(0)
    for (const refused of ['orders.billing.dead', 'hf.audit'])
      expect(await holdfast(env, ['topic', 'produce', refused], 'x')).toMatchObject({ code: 4 })
  })

  it('takes back the lines that consume prints, byte for byte, and knows them by their ids where the log does', async () => {
    const place = await on.place()
    const env = on.env(place)
    await fill(place)
    const lines = (await holdfast(env, ['topic', 'consume', 'orders', '-o', 'jsonl'])).out
    const again = await holdfast(env, ['topic', 'produce', 'orders', '--input', 'jsonl'], lines)
    expect(again.err).toContain(
      on.knowsIds
        ? '0 events are durable in orders (fsync), 9 were known by their ids'
        : `9 events are durable in orders (${durability})`,
    )
    const other = folder()
    await shopOnce({ data: join(other, 'log') })
    const copy = { HOLDFAST_DATA: other }
    expect((await holdfast(copy, ['topic', 'produce', 'orders', '--input', 'jsonl'], lines)).err).toContain(
      '9 events are durable',
    )
    const format = ['--format', String.raw`%i %k %y %v\n`]
    const [copied, first] = [copy, env].map(async one => {
      const { out } = await holdfast(one, ['topic', 'consume', 'orders', ...format])
      return [...new Set(out.split('\n'))].toSorted()
    })
    expect(await copied).toEqual(await first)
    const broken = await holdfast(
      env,
      ['topic', 'produce', 'orders', '--input', 'jsonl'],
      `${lines}{"data":\n`,
    )
    expect(broken.code).toBe(2)
    expect(broken.err).toContain('line 10 of the input')
  })
})

/** Makes the log and its topics. */
async function shopOnce(place: MovesLog): Promise<void> {
  const a = shop(place)
  await a.start()
  await a.stop()
}

describeOn(['embedded'], 'explain with an app', on => {
  const database = testDatabase()

  it('asks the inbox of its database, which answers though nothing of the app runs, and says when it cannot', async () => {
    const place = await on.place()
    const env = on.env(place)
    const a = app({ name: 'shop', log: movesLog(place), db: postgres(database.url) })
    a.consumer('billing', orders, { from: 'earliest' }).effect('placed', async () => {})
    await a.start()
    await a.publish(orders, 'placed', { customer: 'ada', total: 1 }, { id: 'order-1' })
    await until('it is done', async () => (await a.groups()).every(({ lag }) => lag === 0n))
    await a.stop()
    const explain = async (url: string): Promise<string> => {
      const child = spawn(process.execPath, [bin, 'explain', 'order-1', '--app', module], {
        cwd: root,
        env: { ...process.env, ...env, DATABASE_URL: url },
      })
      let out = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
      expect(await once(child, 'close')).toEqual([0, null])
      return out
    }
    expect(await explain(database.url)).toContain('postgres: its effect committed, once (inbox row)')
    expect(await explain('postgres://127.0.0.1:1/none')).toContain('postgres: did not answer (ECONNREFUSED')
    const alone = await holdfast(env, ['explain', 'order-1'])
    expect(alone.out).toContain('nothing durable says which')
  })
})

describeOn(['embedded'], 'through the admin side of a running process', on => {
  it('explain knows the groups and their handlers', async () => {
    const a = shop(await on.place())
    const admin = await startAdmin(a.admin, { port: 0 })
    await a.start()
    onTestFinished(async () => {
      await a.stop()
      await admin.close()
    })
    await a.publish(orders, 'placed', { customer: 'ada', total: 1 }, { id: 'order-1' })
    const story = await holdfast({ HOLDFAST_URL: admin.url }, ['explain', 'order-1'])
    expect(story).toMatchObject({ code: 0 })
    expect(story.out).toContain('order-1  placed  key ada')
  })
})

describeOn(['embedded', 'kafka'], 'a process of consume', on => {
  function start(args: readonly string[], env: Record<string, string>): ReturnType<typeof spawn> {
    const child = spawn(process.execPath, [bin, ...args], { cwd: root, env: { ...process.env, ...env } })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }

  it('follows what comes until a Ctrl-C, and ends with 130', async () => {
    const place = await on.place()
    const env = on.env(place)
    const a = shop(place)
    await a.start()
    onTestFinished(() => a.stop())
    const child = start(['topic', 'consume', 'orders', '--follow', '--format', String.raw`%i\n`], env)
    let out = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
    await a.publish(orders, 'placed', { customer: 'ada', total: 1 }, { id: 'first' })
    await until('it prints what was there', () => out.includes('first\n'))
    await a.publish(orders, 'placed', { customer: 'bob', total: 1 }, { id: 'second' })
    await until('it prints what came', () => out.includes('second\n'))
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(out).toBe('first\nsecond\n')
  })

  it('ends quietly with 0 when nobody reads on', async () => {
    const place = await on.place()
    const env = on.env(place)
    await shopOnce(place)
    const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n}`).join('\n')
    const file = join(folder(), 'lines')
    writeFileSync(file, lines)
    expect(await holdfast(env, ['topic', 'produce', 'orders', '--file', file])).toMatchObject({ code: 0 })
    const child = start(['topic', 'consume', 'orders', '--follow'], env)
    let err = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
    await once(child.stdout ?? child, 'data')
    child.stdout?.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(err).toBe('')
  })
})
