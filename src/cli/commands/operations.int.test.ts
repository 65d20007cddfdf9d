import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { movesLog } from '../../../test/apps/moves-log.ts'
import { startChild } from '../../../test/harness/child.ts'
import { until } from '../../../test/harness/until.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import type { LogDriver } from '../../log/index.ts'
import { topic } from '../../schema/index.ts'
import { startAdmin } from '../../server/admin-server.ts'
import { app, type App } from '../../server/app.ts'
import { silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import { runCli } from '../program.ts'

const database = testDatabase()

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function holdfast(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env }
  const code = await runCli(args, io)
  return { code, out, err }
}

function shop(log: LogDriver, seen: number[] = []): App<boolean> {
  const a = app({ name: 'shop', log })
  a.consumer('billing', orders, { from: 'earliest' }).on('placed', e => void seen.push(e.data.n))
  return a
}

async function withEvents(a: App<boolean>): Promise<void> {
  await a.start()
  for (let n = 0; n < 5; n++) await a.publish(orders, 'placed', { customer: 'c', n })
  await until('all are committed', async () =>
    (await a.system.groups.committed('billing')).some(({ offset }) => offset === 5n),
  )
}

describeOn(['embedded', 'kafka'], 'commands that open a log', on => {
  let env: Record<string, string>

  beforeAll(async () => {
    const place = await on.place()
    env = on.env(place)
    const a = shop(movesLog(place))
    await withEvents(a)
    await a.stop()
  })

  it('print a table for people, and data for machines', async () => {
    const table = await holdfast(env, 'group', 'list')
    expect(table).toMatchObject({ code: 0, err: '' })
    expect(table.out).toBe(
      'GROUP    STATE  LAG  BEHIND  PARKED  MEMBERS  REASON\nbilling  empty  0    -       0       0        -\n',
    )
    const expected = {
      group: 'billing',
      state: 'empty',
      reason: null,
      topics: ['orders'],
      members: [],
      lag: 0,
      lagSeconds: 0,
      parked: 0,
      letters: null,
    }
    const json = await holdfast(env, 'group', 'list', '-o', 'json')
    expect(JSON.parse(json.out)).toEqual({ format: 1, groups: [expected], unseen: [] })
    expect((await holdfast(env, 'group', 'list', '-o', 'jsonl')).out).toBe(`${JSON.stringify(expected)}\n`)
    expect((await holdfast(env, 'group', 'list', '-o', 'yaml')).out).toBe(
      'format: 1\ngroups:\n  - group: billing\n    state: empty\n    reason: null\n    topics:\n      - orders\n    members: []\n    lag: 0\n    lagSeconds: 0\n    parked: 0\n    letters: null\nunseen: []\n',
    )
    const chosen = await holdfast(env, 'group', 'list', '--columns', 'lag,topics', '--no-headers')
    expect(chosen.out).toBe('0  orders\n')
    const wrong = await holdfast(env, 'group', 'list', '--columns', 'lags')
    expect(wrong).toMatchObject({ code: 2, out: '' })
    expect(wrong.err).toContain('There are: group, state, lag')
  })

  it('end with 3 for a group that is not there, 2 for an input that cannot work, 3 without a log', async () => {
    const unknown = await holdfast(env, 'group', 'describe', 'biling')
    expect(unknown).toMatchObject({ code: 3, out: '' })
    expect(unknown.err).toContain('GROUP_UNKNOWN')
    expect(unknown.err).toContain('there are billing')
    expect((await holdfast(env, 'group', 'reset', 'billing')).code).toBe(2)
    expect((await holdfast(env, 'group', 'reset', 'billing', '--shift-by', 'x')).code).toBe(2)
    expect((await holdfast(env, 'group', 'list', '--log', join(tmpdir(), 'holdfast-none'))).code).toBe(3)
    expect((await holdfast(env, 'group', 'list', '--timeout', 'soon')).code).toBe(2)
  })

  it('preview a reset, and do it only when told to, with a reason that is then in the audit trail', async () => {
    const preview = await holdfast(env, 'group', 'reset', 'billing', '--to-start')
    expect(preview).toMatchObject({ code: 0 })
    expect(preview.out).toContain('orders  0          5     0   5       0')
    expect(preview.err).toContain('nothing was changed')
    expect(preview.err).toContain('up to 5 events are delivered again')
    expect((await holdfast(env, 'group', 'reset', 'billing', '--to-start', '--execute')).code).toBe(2)
    const done = [
      'group',
      'reset',
      'billing',
      '--to-start',
      '--execute',
      '--reason',
      'ticket 7',
      '-o',
      'json',
    ]
    expect(JSON.parse((await holdfast(env, ...done)).out)).toMatchObject({ format: 1, executed: true })
    const audit = JSON.parse((await holdfast(env, 'audit', 'list', '-o', 'json')).out) as { acts: object[] }
    expect(audit.acts).toMatchObject([
      {
        operation: 'group.reset',
        reason: 'ticket 7',
        outcome: 'done',
        input: { group: 'billing', toStart: true },
      },
    ])
    expect(await holdfast(env, 'audit', 'verify')).toMatchObject({ code: 0 })
  })
})

describeOn(['embedded', 'kafka'], 'commands that ask a running process', on => {
  it('say the same as the log, and need the token that it asks for', async () => {
    const a = shop(await on.fresh())
    onTestFinished(() => a.stop())
    await withEvents(a)
    const tokens = [{ name: 'grace', role: 'viewer', token: 'a-token-of-a-viewer' }] as const
    const server = await startAdmin(a.admin, { port: 0, tokens })
    onTestFinished(() => server.close())
    const env = { HOLDFAST_URL: server.url, HOLDFAST_TOKEN: 'a-token-of-a-viewer' }
    const { code, out } = await holdfast(env, 'group', 'describe', 'billing', '-o', 'json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ format: 1, group: 'billing', state: 'running', lag: 0 })
    const denied = await holdfast(env, 'group', 'pause', 'billing')
    expect(denied).toMatchObject({ code: 6, out: '' })
    expect(denied.err).toContain('group.pause needs the role operator, grace has viewer')
    expect((await holdfast({ HOLDFAST_URL: server.url }, 'group', 'list')).code).toBe(6)
  })

  it('end with 5 when there is nobody, and say when it is no admin side', async () => {
    const server = await startAdmin(shop(await on.fresh()).admin, { port: 0 })
    await server.close()
    const { code, err } = await holdfast({}, 'group', 'list', '--url', server.url)
    expect(code).toBe(5)
    expect(err).toContain(`nobody answers at ${server.url}: connect ECONNREFUSED`)
    expect(err).toContain('name its admin side: --url')
    expect((await holdfast({}, 'group', 'list', '--url', 'no url')).code).toBe(2)
  })

  it('end with 4 when a group runs whose positions are to be set', async () => {
    const a = shop(await on.fresh())
    onTestFinished(() => a.stop())
    await withEvents(a)
    const server = await startAdmin(a.admin, { port: 0 })
    onTestFinished(() => server.close())
    const reset = [
      'group',
      'reset',
      'billing',
      '--to-start',
      '--execute',
      '--reason',
      'x',
      '--url',
      server.url,
    ]
    const refused = await holdfast({}, ...reset)
    expect(refused).toMatchObject({ code: 4 })
    expect(refused.err).toContain('holdfast group pause billing')
  })
})

describeOn(['embedded', 'kafka'], 'a group that was paused by a command', on => {
  it('stays paused when its process starts again, and goes on by a command on the log', async () => {
    const log = await on.fresh()
    const first = shop(log)
    await withEvents(first)
    const server = await startAdmin(first.admin, { port: 0 })
    onTestFinished(() => server.close())
    const paused = await holdfast(
      {},
      'group',
      'pause',
      'billing',
      '--reason',
      'ticket 7',
      '--url',
      server.url,
    )
    expect(paused).toMatchObject({ code: 0 })
    expect(await first.groups()).toMatchObject([{ state: 'paused', members: [] }])
    await first.stop()

    const seen: number[] = []
    const second = shop(log, seen)
    await second.start()
    onTestFinished(() => second.stop())
    await second.publish(orders, 'placed', { customer: 'c', n: 5 })
    expect(await second.groups()).toMatchObject([{ state: 'paused', reason: 'ticket 7', lag: 1n }])
    const again = await startAdmin(second.admin, { port: 0 })
    onTestFinished(() => again.close())
    await holdfast({}, 'group', 'resume', 'billing', '--url', again.url)
    await until('it is done', () => seen.includes(5))
    expect(seen).toEqual([5])
  })
})

describeOn(['embedded'], 'the audit trail', on => {
  it('is one chain over several processes that write to it at once', async () => {
    const place = await on.place()
    const a = shop(movesLog(place))
    await withEvents(a)
    await a.stop()
    const bin = join(import.meta.dirname, '../../../bin/holdfast.js')
    const env = on.env(place)
    const args = ['group', 'resume', 'billing']
    const children = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        startChild({ name: `command ${n}`, args: [bin, ...args, '--reason', `ticket ${n}`], env }),
      ),
    )
    expect((await Promise.all(children.map(({ exited }) => exited))).map(({ code }) => code)).toEqual([
      0, 0, 0, 0,
    ])
    const verified = await holdfast(env, 'audit', 'verify', '-o', 'json')
    const chain = JSON.parse(verified.out) as { records: number; superseded: number }
    expect(chain).toMatchObject({ ok: true, findings: [] })
    expect(chain.records - chain.superseded).toBe(8)
    const listed = await holdfast(env, 'audit', 'list', '-o', 'json')
    const { acts } = JSON.parse(listed.out) as { acts: { reason: string }[] }
    expect(acts.map(({ reason }) => reason).toSorted()).toEqual([
      'ticket 0',
      'ticket 1',
      'ticket 2',
      'ticket 3',
    ])
  })
})

describeOn(['embedded', 'kafka'], 'holdfast check', on => {
  it('ends with 7 when a figure is critical, and as Nagios wants it when asked to', async () => {
    const place = await on.place()
    const env = on.env(place)
    const a = shop(movesLog(place))
    await withEvents(a)
    await a.group('billing').pause('to fall behind')
    for (let n = 0; n < 3; n++) await a.publish(orders, 'placed', { customer: 'c', n })
    await a.stop()
    const lag = (warn: number, crit: number, ...more: string[]): Promise<Ran> =>
      holdfast(env, 'check', 'lag', '--warn', String(warn), '--crit', String(crit), ...more)
    expect(await lag(4, 5)).toMatchObject({
      code: 0,
      out: 'OK lag: billing 3 (warning from 4, critical from 5)\n',
    })
    expect(await lag(1, 5)).toMatchObject({ code: 0, out: expect.stringMatching(/^WARNING/) as string })
    expect(await lag(1, 3)).toMatchObject({ code: 7, out: expect.stringMatching(/^CRITICAL/) as string })
    expect((await lag(1, 5, '--format', 'nagios')).code).toBe(1)
    expect((await lag(1, 3, '--format', 'nagios')).code).toBe(2)
    const nobody = ['--url', 'http://127.0.0.1:9', '--format', 'nagios']
    expect(await holdfast({}, 'check', 'lag', '--warn', '1', '--crit', '2', ...nobody)).toMatchObject({
      code: 3,
      out: expect.stringMatching(/^UNKNOWN/) as string,
    })
    expect((await lag(1, 5, '--group', 'biling')).code).toBe(3)
    expect(await lag(1, 5, '--group', 'biling', '--format', 'nagios')).toMatchObject({ code: 3 })
    const letters = await holdfast(env, 'check', 'dlq', '--warn', '1', '--crit', '1')
    expect(letters).toMatchObject({ code: 0, out: expect.stringContaining('billing 0') as string })
  })
})

describe('holdfast check', () => {
  it('looks at the outbox of a database', async () => {
    const sink = await postgres(database.url).open({
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    })
    onTestFinished(() => sink.close())
    await sink.migrate()
    const env = { DATABASE_URL: database.url }
    const checked = await holdfast(env, 'check', 'outbox', '--warn', '1', '--crit', '1')
    expect(checked).toMatchObject({ code: 0, out: expect.stringMatching(/^OK outbox: outbox 0/) as string })
    await sink.outbox?.transaction(
      tx =>
        tx.query(
          "insert into holdfast.outbox (id, aggregatetype, aggregateid, type) values ('1', 't', 'k', 'x')",
        ),
      new AbortController().signal,
    )
    expect((await holdfast(env, 'check', 'outbox', '--warn', '1', '--crit', '1')).code).toBe(7)
  })
})
