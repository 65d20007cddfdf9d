import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { testDatabase } from '../../test/postgres.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { until } from '../../test/support/wait.ts'
import { postgres } from '../drivers/postgres/index.ts'
import { encodeEvent, offset, silentLogger, systemClock } from '../event/index.ts'
import { jobTopic } from '../recover/index.ts'
import { topic } from '../schema/index.ts'
import type { PlacedRow } from '../sink/index.ts'
import { app } from './app.ts'
import { neededFrom, startPruning } from './inbox-pruning.ts'

const DAY_MS = 86_400_000
const database = testDatabase()
const visits = topic('visits', { key: 'id', partitions: 1, events: { made: z.object({ id: z.string() }) } })

describe('pruning of the inbox', () => {
  it('lets days go that every group has behind it, and none that one has still to read', async () => {
    const a = app({ name: 'pruning', log: anyLog(), db: postgres(database.url, { inboxKept: '1d' }) })
    let applied = 0
    a.consumer('quick', visits, { from: 'earliest' }).effect('made', async () => void (applied += 1))
    a.consumer('slow', visits, { from: 'earliest' }).on('made', () => {})
    await a.start()
    await until(async () => (await a.groups()).every(group => group.state === 'running'))
    await a.group('slow').pause('holds the days')
    const { system } = a
    const longAgo = systemClock.now() - 9 * DAY_MS
    for (const id of ['a', 'b']) {
      const acceptedAt = longAgo + (id === 'b' ? DAY_MS : 0)
      const event = { id, source: '/test', type: 'made', version: 1, time: undefined, extensions: {} }
      await system.log.append('visits', [
        encodeEvent({ ...event, acceptedAt, key: id, data: Buffer.from(`{"id":"${id}"}`) }),
      ])
    }
    await until(() => applied === 2)
    // Its intake may have taken the first one before it was paused.
    expect(await neededFrom(system, systemClock, [])).toBeLessThanOrEqual(longAgo)

    const looks: number[] = []
    const sink = await postgres(database.url, { inboxKept: '1d' }).open({
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    })
    const counting = {
      prune: async (before: number): Promise<void> => {
        await sink.prune(before)
        looks.push(before)
      },
    }
    const stop = startPruning({
      system,
      sink: counting,
      jobs: undefined,
      clock: systemClock,
      logger: silentLogger,
      everyMs: 20,
    })
    await until(() => looks.length >= 2)
    expect(await prunedDays()).toBe(0)
    await a.group('slow').resume()
    await until(async () => (await a.groups()).every(group => group.lag === 0n && group.parked === 0))
    await until(async () => (await prunedDays()) >= 2)
    // Yesterday stays: what was accepted then may come again.
    expect(Math.max(...looks)).toBeLessThanOrEqual(systemClock.now() - DAY_MS)
    stop()
    await sink.close()
    await a.stop()
  })

  it('keeps the days of what a replay has still to do', async () => {
    const env = { clock: systemClock, random: Math.random, logger: silentLogger }
    const system = await anyLog().open(env)
    await system.log.topics.create('t', { partitions: 1 })
    const longAgo = systemClock.now() - 9 * DAY_MS
    await system.log.append('t', [{ value: null, headers: { 'hf-at': String(longAgo) }, partition: 0 }])
    const jobs = await jobTopic({ ...env, log: system.log })
    const range = { topic: 't', partition: 0, from: offset(0), to: offset(1) }
    const wish = { job: 'j', at: 0, by: '', reason: '' }
    await jobs.append({
      kind: 'asked',
      ...wish,
      group: 'g',
      mode: 'fill',
      ratePerSecond: undefined,
      ranges: [range],
    })
    const looks: number[] = []
    const counting = { prune: async (before: number) => void looks.push(before) }
    const stop = startPruning({ system, sink: counting, jobs, ...env, everyMs: 20 })
    await until(() => looks.length > 0)
    expect(looks[0]).toBeLessThanOrEqual(longAgo)
    await jobs.append({ kind: 'cancel', ...wish })
    await until(() => (looks.at(-1) ?? 0) > systemClock.now() - 2 * DAY_MS)
    stop()
    await jobs.close()
    await system.close()
  })

  it('keeps the days of events that wait for a retry', async () => {
    const a = app({ name: 'pruning', log: anyLog() })
    let fails = true
    a.consumer('flaky', visits, { from: 'earliest', retry: ['100ms', '100ms', '1h'] }).on('made', () => {
      if (fails) throw new Error('not now')
    })
    await a.start()
    const { system } = a
    const acceptedAt = systemClock.now() - 9 * DAY_MS
    const event = { id: 'a', source: '/test', type: 'made', version: 1, time: undefined, extensions: {} }
    await system.log.append('visits', [
      encodeEvent({ ...event, acceptedAt, key: 'a', data: Buffer.from('{"id":"a"}') }),
    ])
    await until(async () => (await system.groups.committed('flaky'))[0]?.offset === 1n)
    expect(await neededFrom(system, systemClock, [])).toBeLessThanOrEqual(acceptedAt)
    fails = false
    await until(async () => (await neededFrom(system, systemClock, [])) > systemClock.now() - 2 * DAY_MS)
    await a.stop()
  })

  it('keeps the days of rows that wait in the outbox', async () => {
    const env = { clock: systemClock, random: Math.random, logger: silentLogger }
    const [sink, system] = [await postgres(database.url).open(env), await anyLog().open(env)]
    await sink.migrate()
    const { outbox } = sink
    if (!outbox) throw new Error('no outbox')
    await outbox.transaction(async tx => {
      await tx.query(`insert into holdfast.outbox (id, aggregatetype, aggregateid, type, payload, created_at)
        values ('old', 'nowhere', 'k', 't', '{}', now() - interval '9 days')`)
    }, new AbortController().signal)
    const looks: number[] = []
    const counting = { outbox, prune: async (before: number) => void looks.push(before) }
    const stop = startPruning({ system, sink: counting, jobs: undefined, ...env, everyMs: 20 })
    await until(() => looks.length > 0)
    expect(looks[0]).toBeLessThanOrEqual(systemClock.now() - 10 * DAY_MS)
    const lease = await outbox.lease('test', 1_000)
    // Not before every transaction of the cluster that began earlier is over, those of other tests as well.
    let row: PlacedRow | undefined
    await until(async () => {
      ;[row] = await outbox.read({ transaction: 0n, sequence: 0n }, 1)
      return row !== undefined
    })
    if (!lease || !row) throw new Error('nothing to move')
    await outbox.advance(lease, row.place)
    await until(() => (looks.at(-1) ?? 0) > systemClock.now() - 2 * DAY_MS)
    stop()
    await sink.close()
    await system.close()
  })
})

async function prunedDays(): Promise<number> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    const { rows } = await client.query<{ days: number }>(
      'select count(distinct bucket)::int as days from holdfast.pruned',
    )
    return rows[0]?.days ?? 0
  } finally {
    await client.end()
  }
}
