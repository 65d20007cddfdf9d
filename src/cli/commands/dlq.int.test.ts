import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { movesLog } from '../../../test/apps/moves-log.ts'
import { until } from '../../../test/harness/until.ts'
import { LaneGroup } from '../../../test/support/lane-group.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { offset, silentLogger, systemClock, systemRandom, type LogRecord } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { topic } from '../../schema/index.ts'
import { startAdmin } from '../../server/admin-server.ts'
import { app } from '../../server/app.ts'
import { runCli } from '../program.ts'

const orders = topic('orders', {
  key: 'order',
  partitions: 1,
  events: { placed: z.object({ order: z.string(), cents: z.number().min(0) }) },
})

function refuseLarge(data: unknown): void {
  const { cents } = data as { cents: number }
  if (cents > 100) throw new RangeError(`${cents} cents are too many`)
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Letters {
  readonly letters: readonly { readonly id: string; readonly status: string }[]
}

describeOn(['embedded'], 'holdfast dlq beside a running group', on => {
  let env: Record<string, string>
  let folder: string
  let system: LogSystem
  let group: LaneGroup

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-dlq-'))
    const place = await on.place()
    env = on.env(place)
    system = await movesLog(place).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
    group = new LaneGroup(system, { name: 'billing', topic: orders, handler: refuseLarge })
    await group.start()
    await group.send(
      'placed',
      { order: 'a', cents: 5 },
      { order: 'a', cents: 101 },
      { order: 'b', cents: 202 },
    )
    await group.atRest()
  })

  afterEach(async () => {
    await group.stop()
    await system.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function dlq(...args: string[]): Promise<Ran> {
    let [out, err] = ['', '']
    const io = {
      out: (text: string) => (out += text),
      err: (text: string) => (err += text),
      env,
    }
    const code = await runCli(['dlq', ...args], io)
    return { code, out, err }
  }

  const json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse((await dlq(...args, '-o', 'json')).out) as T

  it('publishes their events to another topic, once where the log knows them, and leaves a note where each copy stands', async () => {
    await system.log.topics.create('repairs', { partitions: 1 })
    const copies = async (): Promise<readonly LogRecord[]> => {
      const limits = { maxRecords: 10, maxBytes: 1_000_000, waitMs: 0 }
      const from = { topic: 'repairs', partition: 0, offset: offset(0) }
      return (await system.log.read(from, limits, new AbortController().signal)).records
    }
    const to = ['replay', '--all', '--to', 'repairs']
    const preview = await dlq(...to)
    expect(preview).toMatchObject({ code: 0 })
    expect(preview.err).toContain('nothing was changed')
    expect(await copies()).toEqual([])

    const execute = ['--execute', '--reason', 'by hand', '-o', 'json']
    expect(JSON.parse((await dlq(...to, ...execute)).out)).toMatchObject({ letters: 2, copied: 2, known: 0 })
    const { letters } = await json<Letters>('list')
    expect(letters.map(({ status }) => status)).toEqual(['died', 'died'])
    const copied = await copies()
    expect(copied.map(({ key, value }) => [key, JSON.parse(Buffer.from(value ?? []).toString())])).toEqual([
      ['a', { order: 'a', cents: 101 }],
      ['b', { order: 'b', cents: 202 }],
    ])
    expect(copied.map(({ headers }) => headers['hf-copied-from'])).toEqual(['orders/0@1', 'orders/0@2'])
    for (const [i, { headers }] of copied.entries()) {
      const shown = await json<{ eventId: string; history: unknown[] }>(
        'show',
        headers['hf-copied-letter'] ?? '',
      )
      expect(shown.eventId).toBe(headers['ce_id'])
      expect(shown.history.at(-1)).toMatchObject({
        kind: 'noted',
        reason: `copied to repairs/0@${i}: by hand`,
      })
    }
    // A log that keeps no ids has them twice, and the groups of the topic apply them once.
    const again = on.knowsIds ? { copied: 0, known: 2 } : { copied: 2, known: 0 }
    expect(JSON.parse((await dlq(...to, ...execute)).out)).toMatchObject(again)
    expect(await copies()).toHaveLength(2 + again.copied)

    for (const [topic, code] of [
      ['orders', 2],
      ['orders.billing.dead', 2],
      ['there.is.none', 3],
    ] as const)
      expect((await dlq('replay', '--all', '--to', topic)).code, topic).toBe(code)
    expect((await dlq('replay', '--all', '--to', 'repairs', '--rate', '1/s')).code).toBe(2)
  })

  it('says which would die again before their handler is called, and that only an app knows', async () => {
    const alone = await dlq('replay', '--all', '--dry-run')
    expect(alone.code).toBe(2)
    expect(alone.err).toContain('--app src/app.ts')
    // Its group `billing` knows another kind of order.
    const other = fileURLToPath(new URL('../../../test/fixtures/shop-app.ts', import.meta.url))
    const checked = await dlq('replay', '--all', '--dry-run', '--app', other, '-o', 'json')
    expect(checked.code).toBe(7)
    expect(JSON.parse(checked.out)).toMatchObject({
      runs: 0,
      letters: [
        { verdict: 'dies', why: expect.stringContaining('schema: Error: /customer') },
        { verdict: 'dies', status: 'died' },
      ],
    })
    expect((await dlq('replay', '--all', '--dry-run', '--execute')).code).toBe(2)
  })

  it('lists, groups and shows them', async () => {
    const table = await dlq('list')
    expect(table).toMatchObject({ code: 0, err: '' })
    expect(table.out).toMatch(/^ID +DIED +GROUP +EVENT +TYPE +ATTEMPTS +STATUS +REASON +ERROR\ndl_/)
    const { letters } = await json<Letters>('list', '--where', 'data.cents > 200')
    expect(letters).toMatchObject([{ message: '202 cents are too many', status: 'died', key: 'b' }])
    expect(await json('causes')).toMatchObject({
      format: 1,
      causes: [{ open: 2, error: 'attempts: RangeError', message: '# cents are too many' }],
    })
    expect(await json('stats')).toMatchObject({ groups: [{ group: 'billing', open: 2, died: 2 }] })
    const shown = await dlq('show', letters[0]?.id ?? '', '--diff')
    expect(shown.code).toBe(0)
    expect(shown.err).toContain('refuseLarge')
    expect(shown.err).toContain('changed /cents  5 → 202')
  })

  it('only says what it would do until it is told to, with a reason', async () => {
    const preview = await dlq('replay', '--cause', 'RangeError')
    expect(preview.code).toBe(0)
    expect(preview.err).toContain('2 letters of billing')
    expect(preview.err).toContain('nothing was changed')
    expect(await dlq('replay', '--cause', 'RangeError', '--execute')).toMatchObject({ code: 2 })
    expect(await dlq('replay', '--execute', '--reason', 'r')).toMatchObject({ code: 2 }) // of which letters?
    expect(group.applied).toHaveLength(1)
  })

  it('tries one first, says that it died again, and replays all once they are mended', async () => {
    const execute = ['--execute', '--reason', 'ticket 7']
    const first = await dlq('replay', '--all', '--first', '1', ...execute)
    expect(first).toMatchObject({ code: 1 })
    expect(first.err).toContain('0 applied, 1 dead again, 0 still under way')
    group.handler = () => {}
    const all = await dlq('replay', '--all', '--rate', '100/s', ...execute)
    expect(all).toMatchObject({ code: 0 })
    expect(all.err).toContain('2 applied, 0 dead again')
    expect(group.applied).toHaveLength(3)
    expect(await dlq('list')).toMatchObject({ code: 0, out: '', err: 'no dead letters\n' })
    const { letters } = await json<Letters>('list', '--status', 'resolved', '--where', 'round == 1')
    expect(letters).toHaveLength(1)
    expect(await json('show', letters[0]?.id ?? '')).toMatchObject({
      history: [{ kind: 'died' }, { kind: 'replaying', reason: 'ticket 7' }, { kind: 'resolved' }],
    })
  })

  it('asks call after call where one would take too long, for each letter once', async () => {
    const more = Array.from({ length: 11 }, (_, i) => ({ order: `c${i}`, cents: 301 + i }))
    await group.send('placed', ...more)
    await group.atRest()
    const calls = group.calls
    // One a second: more than one call goes on asking. Those that die again must not be taken for more of the same.
    const ran = await dlq('replay', '--all', '--rate', '1/s', '--execute', '--reason', 'r', '--limit', '12')
    expect(ran.code).toBe(1)
    expect(ran.err.match(/dead again/g)?.length).toBeGreaterThan(1)
    expect(group.calls - calls).toBe(12)
    expect((await json<Letters>('list', '--where', 'round == 1')).letters).toHaveLength(12)
  })

  it('discards and restores, and answers an id that is none with 3', async () => {
    const { letters } = await json<Letters>('list')
    const [{ id } = expect.fail()] = letters
    expect(await dlq('discard', id, '--execute', '--reason', 'a test')).toMatchObject({ code: 0 })
    expect((await json<Letters>('list')).letters).toHaveLength(1)
    expect(await dlq('restore', id, '--execute', '--reason', 'no test')).toMatchObject({ code: 0 })
    expect((await json<Letters>('list')).letters).toHaveLength(2)
    expect(await dlq('show', 'dl_0000000000000000')).toMatchObject({ code: 3 })
    expect(await dlq('note', id, 'asked the shop', '--reason', 'r')).toMatchObject({ code: 0 })
    expect(await json('show', id)).toMatchObject({
      history: [{ kind: 'died' }, { kind: 'discarded' }, { kind: 'restored' }, { reason: 'asked the shop' }],
    })
  })

  it.each([['list'], ['causes'], ['stats'], ['replay', '--all'], ['discard', '--all'], ['export']])(
    'says of %s that a group of that name is not there, which is no all-clear',
    async (...words) => {
      const { code, out, err } = await dlq(...words, '--group', 'biling')
      expect([code, out]).toEqual([3, ''])
      expect(err).toMatch(/GROUP_UNKNOWN: .*biling.*there are .*billing/)
    },
  )

  it('says why a letter is left out by the verb that was used', async () => {
    const [{ id } = expect.fail()] = (await json<Letters>('list')).letters
    const { err } = await dlq('restore', id)
    expect(err).toContain('0 letters of billing\n1 left out: not discarded\n')
    expect((await dlq('discard', id)).err).toContain('1 letter of billing\n')
  })

  it('says once why a file cannot be read', async () => {
    const missing = join(folder, 'none.json')
    expect((await dlq('edit', '--all', '--patch', missing)).err.match(/ENOENT/g)).toHaveLength(1)
  })

  it('says that a log alone does not know the schemas of an edit', async () => {
    const patch = join(folder, 'patch.json')
    writeFileSync(patch, '{"cents":1}')
    const edit = await dlq('edit', '--cause', 'RangeError', '--patch', patch, '--execute', '--reason', 'r')
    expect(edit.code).toBe(4)
    expect(edit.err).toContain('the schemas of topic orders are known to the app that declares it')
  })

  it('finds the group that has such letters, and asks which when several have', async () => {
    const other = new LaneGroup(system, { name: 'mails', topic: orders, handler: refuseLarge })
    await other.start()
    await other.atRest()
    expect((await dlq('replay', '--cause', 'RangeError')).err).toContain('one of billing, mails')
    expect(await dlq('replay', '--cause', 'RangeError', '--group', 'mails')).toMatchObject({ code: 0 })
    expect(await dlq('replay', '--cause', 'TypeError')).toMatchObject({ code: 3 })
    await other.stop()
  })

  it('exports lines that are events', async () => {
    const { out } = await dlq('export', '--group', 'billing', '--where', 'data.cents == 101')
    expect(out.split('\n')).toHaveLength(2)
    expect(JSON.parse(out)).toMatchObject({ topic: 'orders', key: 'a', data: { order: 'a', cents: 101 } })
  })
})

describeOn(['embedded', 'kafka'], 'holdfast dlq by a running process', on => {
  it('edits and replays by the process that knows the schemas, and every act is in the audit trail', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-dlq-'))
    const a = app({ name: 'shop', log: await on.fresh() })
    const billed: number[] = []
    a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', ({ data }) => {
      refuseLarge(data)
      billed.push(data.cents)
    })
    await a.start()
    const admin = await startAdmin(a.admin, { port: 0 })
    onTestFinished(async () => {
      await admin.close()
      await a.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    for (const cents of [101, 202]) await a.publish(orders, 'placed', { order: `o${cents}`, cents })
    await until('both are dead', async () => (await a.groups()).every(group => group.deadLetters === 2))

    const run = async (...args: string[]): Promise<Ran> => {
      let [out, err] = ['', '']
      const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env: {} }
      const code = await runCli([...args, '--url', admin.url], io)
      return { code, out, err }
    }
    const patch = join(folder, 'patch.json')
    writeFileSync(patch, '{"cents":7}')
    const unfit = join(folder, 'unfit.json')
    writeFileSync(unfit, '{"cents":"seven"}')
    const refused = await run('dlq', 'edit', '--cause', 'RangeError', '--patch', unfit)
    expect(refused.code).toBe(4)
    expect(refused.err, 'no advice to carry it out').toMatch(/\nnothing was changed\n$/)
    const edit = ['dlq', 'edit', '--cause', 'RangeError', '--patch', patch, '--replay']
    const preview = await run(...edit)
    expect(preview.err).toContain('2 of 2 letters of billing have other data')
    expect(preview.out).toMatch(/changed +(101|202) +7/)
    expect(billed).toEqual([])
    const done = await run(...edit, '--execute', '--reason', 'ticket 7')
    expect(done.err).toContain('2 applied, 0 dead again')
    expect(billed).toEqual([7, 7])
    const audit = await run('audit', 'list', '-o', 'json')
    expect(JSON.parse(audit.out)).toMatchObject({
      acts: [
        { operation: 'dlq.replay', reason: 'ticket 7', outcome: 'done' },
        { operation: 'dlq.edit', reason: 'ticket 7', outcome: 'done' },
      ],
    })
  })
})
