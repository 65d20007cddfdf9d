import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { movesLog } from '../../../test/apps/moves-log.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import { systemClock, systemRandom } from '../../event/index.ts'
import { topic } from '../../schema/index.ts'
import { startAdmin } from '../../server/admin-server.ts'
import { app } from '../../server/app.ts'
import type { AccessRole } from '../../server/operations/operation.ts'
import { perform } from '../../server/operations/perform.ts'
import { replayStart, type ReplayStart, type ReplayStartInput } from '../../server/operations/replay-start.ts'
import { runCli } from '../program.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string() }), paid: z.object({ customer: z.string() }) },
})

async function holdfast(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env }
  const code = await runCli(args, io)
  return { code, out, err }
}

describeOn(['embedded'], 'the commands of replays', on => {
  const database = testDatabase()

  it('count, ask, show, list and cancel, by a running process and on the folder of the log', async () => {
    const place = await on.place()
    const env = on.env(place)
    const first = app({ name: 'shop', log: movesLog(place) })
    await first.start()
    for (let n = 0; n < 4; n++) await first.publish(orders, n === 3 ? 'paid' : 'placed', { customer: 'c' })
    await first.stop()
    expect(await holdfast(env, 'replay-jobs', 'list')).toMatchObject({
      code: 0,
      out: '',
      err: 'no replays\n',
    })
    expect((await holdfast(env, 'replay-jobs', 'show', 'nobody')).code).toBe(3)

    const shop = app({ name: 'shop', log: movesLog(place), db: postgres(database.url) })
    let applied = 0
    shop.consumer('late', orders, { from: 'latest' }).effect('placed', async () => void applied++)
    await shop.start()
    onTestFinished(() => shop.stop())
    await until('it begins at the end', async () =>
      (await shop.system.groups.committed('late')).some(({ offset }) => offset === 4n),
    )
    const server = await startAdmin(shop.admin, { port: 0 })
    onTestFinished(() => server.close())
    const url = ['--url', server.url]

    const replay = ['replay', 'late', '--mode', 'fill', '--from']
    const preview = await holdfast(env, ...replay, 'earliest', ...url)
    expect(preview).toMatchObject({ code: 0 })
    expect(preview.out).toBe(
      'TYPE    EVENTS  MISSING  KNOWN  LEFT  PASSED\nplaced  3       3        0      0     0\npaid    1       0        0      0     1\n',
    )
    expect(preview.err).toContain('orders/0 0–4')
    expect(preview.err).toContain('nothing was changed')
    expect(applied).toBe(0)

    const execute = ['--execute', '--reason', 'ticket 7', '-o', 'json']
    const asked = await holdfast(env, ...replay, 'orders/0@1', '--rate', '100/s', ...execute, ...url)
    expect(asked).toMatchObject({ code: 0 })
    const { job, parts } = JSON.parse(asked.out) as { job: string; parts: unknown }
    expect(parts).toEqual([{ topic: 'orders', partition: 0, from: '1', to: '4', counts: null }])
    const shown = await until('it is done', async () => {
      const { out } = await holdfast(env, 'replay-jobs', 'show', job, '-o', 'json', ...url)
      const state = JSON.parse(out) as { state: string }
      return state.state === 'done' && state
    })
    expect(shown).toMatchObject({
      group: 'late',
      reason: 'ticket 7',
      counts: { applied: 2, passed: 1 },
      ratePerSecond: 100,
    })
    expect(applied).toBe(2)
    const people = await holdfast(env, 'replay-jobs', 'show', job, ...url)
    expect(people.out).toMatch(/orders\/0\s+done\s+1\s+4\s+4\s+2\s+0\s+0/)
    expect(people.err).toMatch(/, a fill of late, is done; asked for by .*: ticket 7/)
    const listed = await holdfast(env, 'replay-jobs', 'list', '--group', 'late', '-o', 'json')
    expect(JSON.parse(listed.out)).toMatchObject({ jobs: [{ id: job, state: 'done' }] })
    expect(await holdfast(env, 'replay-jobs', 'cancel', job, '--reason', 'too late', ...url)).toMatchObject({
      code: 0,
    })
    const after = await holdfast(env, 'replay-jobs', 'show', job, '-o', 'json')
    expect(JSON.parse(after.out), 'it had ended').toMatchObject({ state: 'done', cancelledBy: null })
    const audit = await holdfast(env, 'audit', 'list', '-o', 'json')
    expect(JSON.parse(audit.out)).toMatchObject({
      acts: [{ operation: 'replay.cancel' }, { operation: 'replay.start', reason: 'ticket 7' }],
    })
  })

  it('run a range again for an admin only, having told what that would do', async () => {
    const shop = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    const applied: number[] = []
    const resets: string[] = []
    shop
      .consumer('again', orders, {
        from: 'earliest',
        reset: async ({ topic, partition, from, to, eventIds }) => {
          const ids: string[] = []
          for await (const page of eventIds()) ids.push(...page)
          resets.push(`${topic}/${partition} ${from}–${to}, ${ids.length} ids`)
        },
      })
      .effect('placed', async (_event, _tx, { generation }) => void applied.push(generation))
    await shop.start()
    onTestFinished(() => shop.stop())
    for (let n = 0; n < 3; n++) await shop.publish(orders, 'placed', { customer: 'c' })
    await until('the group is done with them', async () =>
      (await shop.system.groups.committed('again')).some(({ offset }) => offset === 3n),
    )
    const server = await startAdmin(shop.admin, { port: 0 })
    onTestFinished(() => server.close())
    const replay = ['replay', 'again', '--mode', 'reprocess', '--from', 'orders/0@1', '--url', server.url]
    const preview = await holdfast({}, ...replay)
    expect(preview.out).toBe(
      'TYPE    EVENTS  MISSING  KNOWN  LEFT  PASSED\nplaced  2       2        0      0     0\n',
    )
    expect(preview.err).toContain('nothing was changed')
    expect(resets).toEqual([])

    const input: ReplayStartInput = { group: 'again', mode: 'reprocess', from: 'orders/0@1' }
    const host = { app: shop, system: shop.system, clock: systemClock, random: systemRandom }
    const signal = new AbortController().signal
    const ask = (role: AccessRole): Promise<ReplayStart> => {
      const actor = { name: 'ada', role }
      return perform(host, {
        operation: replayStart,
        input,
        actor,
        signal,
        execute: true,
        reason: 'ticket 8',
      })
    }
    await expect(ask('operator')).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await shop.jobs().list()).toEqual([])
    const { job } = await ask('admin')
    await until('it is done', async () => (await shop.jobs().show(job ?? '')).state === 'done')
    expect(resets).toEqual(['orders/0 1–3, 2 ids'])
    expect(applied).toEqual([0, 0, 0, 1, 1])
    const listed = await holdfast({}, 'replay-jobs', 'list', '--url', server.url)
    expect(listed.out).toMatch(/again\s+reprocess\s+done/)
  })

  it('end a replay whose group nobody runs, at once, and nobody takes it up again', async () => {
    const place = await on.place()
    const env = on.env(place)
    const shop = app({ name: 'shop', log: movesLog(place), db: postgres(database.url) })
    let applied = 0
    shop.consumer('early', orders, { from: 'earliest' }).effect('placed', async () => void applied++)
    shop.consumer('cut', orders, { from: 'latest' }).effect('placed', async () => void applied++)
    await shop.start()
    onTestFinished(() => shop.stop())
    await until('it begins at the end', async () => (await shop.system.groups.committed('cut')).length > 0)
    await shop.publish(orders, 'placed', { customer: 'c' })
    await until('both have it', () => applied === 2)
    const group = shop.group('cut')
    await group.pause('a test')
    const { id } = await shop.replay('cut', { mode: 'fill', from: 'earliest' })
    const cancelled = await holdfast(env, 'replay-jobs', 'cancel', id, '-o', 'json')
    expect(cancelled).toMatchObject({ code: 0 })
    const ended = { state: 'cancelled', parts: [{ state: 'cancelled', from: '0', position: '0' }] }
    expect(JSON.parse(cancelled.out)).toMatchObject(ended)
    await group.resume()
    // A later one is done, so the owner has been through the book.
    expect((await (await shop.replay('cut', { mode: 'fill', from: 'earliest' })).done).state).toBe('done')
    const shown = await holdfast(env, 'replay-jobs', 'show', id, '-o', 'json')
    expect(JSON.parse(shown.out)).toMatchObject({ ...ended, counts: { known: 0, applied: 0 } })
  })

  it('refuse what cannot be', async () => {
    const place = await on.place()
    const env = on.env(place)
    const shop = app({ name: 'shop', log: movesLog(place) })
    shop.consumer('calls', orders, { from: 'latest' }).on('placed', () => {})
    await shop.start()
    onTestFinished(() => shop.stop())
    const server = await startAdmin(shop.admin, { port: 0 })
    onTestFinished(() => server.close())
    const url = ['--url', server.url]
    const replay = ['replay', 'calls', '--from']
    expect((await holdfast(env, ...replay, 'earliest')).code, 'no mode').toBe(2)
    expect((await holdfast(env, ...replay, 'yesterday', '--mode', 'fill', ...url)).code).toBe(2)
    expect(
      (await holdfast(env, ...replay, 'earliest', '--mode', 'fill', '--rate', 'fast', ...url)).code,
    ).toBe(2)
    const refused = await holdfast(env, ...replay, 'earliest', '--mode', 'fill', ...url)
    expect(refused).toMatchObject({ code: 4, out: '' })
    expect(refused.err).toContain('the app has no database')
    const unknown = await holdfast(env, 'replay', 'cals', '--from', 'earliest', '--mode', 'fill', ...url)
    expect(unknown).toMatchObject({ code: 3, out: '' })
    expect(unknown.err).toContain('cals; there are calls')
    const alone = await holdfast(env, ...replay, 'earliest', '--mode', 'fill')
    expect(alone).toMatchObject({ code: 4, out: '' })
    expect(alone.err).toContain('name a process that runs it with --url')
    expect((await holdfast(env, 'replay-jobs', 'cancel', 'nobody', ...url)).code).toBe(3)
  })
})
