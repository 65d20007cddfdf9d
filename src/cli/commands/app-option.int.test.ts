import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { movesLog, type MovesLog } from '../../../test/apps/moves-log.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../../server/app.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** Declares what `shop` below runs; its log is that of the test. */
const module = join(root, 'test/fixtures/shop-app.ts')

const orders = topic('orders', {
  key: 'customer',
  partitions: 3,
  events: { placed: z.object({ customer: z.string(), total: z.number() }) },
})

describeOn(['embedded'], 'a command that is given an app that does not run', on => {
  const database = testDatabase()

  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), 'holdfast-patch-'))
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    return made
  }

  async function shop(log: MovesLog): Promise<App<true>> {
    const a = app({ name: 'shop', log: movesLog(log), db: postgres(database.url) })
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).effect('placed', async event => {
      if (event.data.total < 0) throw new RangeError('a negative total')
    })
    await a.start()
    onTestFinished(() => a.stop())
    return a
  }

  async function holdfast(
    log: MovesLog | undefined,
    args: string[],
  ): Promise<{ code: number; out: string; err: string }> {
    const child = spawn(process.execPath, [join(root, 'bin/holdfast.js'), ...args, '--app', module], {
      cwd: root,
      env: {
        ...process.env,
        TEST_LOG: log && JSON.stringify(log),
        DATABASE_URL: database.url,
        HOLDFAST_DATA: join(tmpdir(), 'not there'),
      },
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const [code] = (await once(child, 'close')) as [number]
    return { code, out, err }
  }

  it('explains from its log and its database, and edits letters by its schemas', async () => {
    const log = await on.place()
    const a = await shop(log)
    await a.publish(orders, 'placed', { customer: 'ada', total: 1 }, { id: 'good' })
    await a.publish(orders, 'placed', { customer: 'bob', total: -1 }, { id: 'bad' })
    await until('one is dead, the other done', async () =>
      (await a.groups()).every(({ lag, deadLetters }) => lag === 0n && deadLetters === 1),
    )
    await a.stop()
    const story = await holdfast(log, ['explain', 'good'])
    expect(story).toMatchObject({ code: 0 })
    expect(story.out).toContain('postgres: its effect committed, once (inbox row)')

    const tried = await holdfast(log, ['dlq', 'replay', '--all', '--dry-run', '-o', 'json'])
    expect(tried, tried.err).toMatchObject({ code: 0 })
    expect(JSON.parse(tried.out)).toMatchObject({
      runs: 1,
      letters: [{ verdict: 'runs', eventId: 'bad', status: 'died' }],
    })

    const patch = (data: unknown): string[] => {
      const file = join(folder(), 'patch.json')
      writeFileSync(file, JSON.stringify(data))
      return ['dlq', 'edit', '--all', '--patch', file, '--execute', '--reason', 'ticket 7', '-o', 'json']
    }
    const wrong = await holdfast(log, patch({ total: 'much' }))
    expect(wrong.code).toBe(4)
    expect(JSON.parse(wrong.out)).toMatchObject({
      edited: 0,
      refused: [{ reason: expect.stringContaining('/total') }],
    })
    const right = await holdfast(log, patch({ total: 5 }))
    expect(right).toMatchObject({ code: 0 })
    expect(JSON.parse(right.out)).toMatchObject({ edited: 1, refused: [] })
  })

  it('renames a group with what it applied to its database, though no process declares it', async () => {
    const log = await on.place()
    const a = await shop(log)
    await a.publish(orders, 'placed', { customer: 'ada', total: 1 })
    await until('it is done', async () => (await a.groups()).every(({ lag }) => lag === 0n))
    await a.stop()
    const execute = ['--execute', '--reason', 'ticket 7', '-o', 'json']
    const renamed = await holdfast(log, ['group', 'rename', 'billing', 'invoices', ...execute])
    expect(renamed, renamed.err).toMatchObject({ code: 0 })
    expect(JSON.parse(renamed.out)).toMatchObject({ executed: true, inbox: true, obstacles: [] })
    const client = new Client({ connectionString: database.url })
    await client.connect()
    onTestFinished(() => client.end())
    const { rows } = await client.query(`select name from holdfast.grp where name in ('billing', 'invoices')`)
    expect(rows).toEqual([{ name: 'invoices' }])
  })

  it('is refused beside the address of a process, which knows its app', async () => {
    const both = await holdfast(undefined, ['explain', 'x', '--url', 'http://127.0.0.1:1'])
    expect(both.code).toBe(2)
    expect(both.err).toContain('--url and --app name different things to ask')
  })
})
