import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { memory } from '../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, type LogRecord, type Offset } from '../event/index.ts'
import type { AppendRecord, Committed, Log, LogSystem } from '../log/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
import { migration, type Migration, type MigrationProgress } from './migration.ts'

const clock = virtualClock()
const never = new AbortController().signal

function open(): Promise<LogSystem> {
  return memory().open({ clock, random: seededRandom(1), logger: silentLogger })
}

interface Two {
  readonly source: LogSystem
  readonly target: LogSystem
  readonly move: Migration
  readonly told: MigrationProgress[]
}

async function two(): Promise<Two> {
  const [source, target] = [await open(), await open()]
  return { source, target, ...moving(target) }
}

function moving(target: LogSystem, signal = never): Pick<Two, 'move' | 'told'> {
  const told: MigrationProgress[] = []
  return { move: migration({ target, signal, progress: of => told.push(of) }), told }
}

/** Events `from` to `to`, one of them a tombstone and one without a key, some of each time. */
async function append({ log }: LogSystem, topic: string, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    if (n % 3 === 0) await clock.advance(1_000)
    const value = n % 7 === 3 ? null : new TextEncoder().encode(`{"n":${n}}`)
    const record: AppendRecord = {
      partition: 0,
      key: n % 5 === 0 ? undefined : `k${n % 4}`,
      value,
      headers: { ce_id: `${n}` },
    }
    await log.append(topic, [record])
  }
}

const place = (topic: string, at: bigint | number): { topic: string; partition: number; offset: Offset } => ({
  topic,
  partition: 0,
  offset: offset(at),
})

const all = { maxRecords: 10_000, maxBytes: 10_000_000, waitMs: 0 }

describe('a migration', () => {
  it('takes every record along to its offset, then the positions with their notes, then the retention', async () => {
    const { source, target, move, told } = await two()
    await source.log.topics.create('orders', {
      partitions: 2,
      retentionMs: 60_000,
      retentionBytes: 1_000_000,
    })
    await source.log.topics.create('orders.g.retry', { partitions: 2 })
    await append(source, 'orders', 0, 40)
    await append(source, 'orders.g.retry', 0, 3)
    await source.log.deleteRecords(place('orders', 9))
    await source.imports?.positions('g', [{ ...place('orders', 30), note: '1 2 a.1.k' }])
    await source.imports?.positions('h', [{ ...place('orders', 9), note: undefined }])

    const report = await move.finish(source)

    for (const topic of ['orders', 'orders.g.retry']) {
      const { start } = await source.log.bounds(place(topic, 0))
      const [ours, theirs] = await Promise.all(
        [source, target].map(({ log }) => log.read(place(topic, start), all, never)),
      )
      expect(theirs).toEqual(ours)
      expect(await target.log.topics.describe(topic)).toEqual(await source.log.topics.describe(topic))
    }
    expect(await target.log.bounds({ topic: 'orders', partition: 0 })).toEqual({ start: 9n, end: 40n })
    for (const group of ['g', 'h'])
      expect(await target.groups.committed(group)).toEqual(await source.groups.committed(group))
    expect(report.partitions[0]).toMatchObject({
      topic: 'orders',
      partition: 0,
      from: 9n,
      to: 40n,
      records: 31,
    })
    expect(report.positions.map(({ group, offset, lag }) => [group, offset, lag])).toEqual([
      ['g', 30n, 10n],
      ['h', 9n, 31n],
    ])
    expect(told.at(-1)).toEqual({ step: 'compared', done: 34, of: 34 })
  })

  it('names a hash that anybody can compute from what is in the new log', async () => {
    const { source, target, move } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 12)
    const [checked] = (await move.finish(source)).partitions
    const hash = createHash('sha256')
    for (const record of (await target.log.read(place('t', 0), all, never)).records) {
      const { offset, timestamp, key = null, headers, value } = record
      const line = [String(offset), timestamp, key, Object.entries(headers), value?.length ?? null]
      hash.update(`${JSON.stringify(line)}\n`).update(value ?? '')
    }
    expect(checked?.sha256).toBe(hash.digest('hex'))
  })

  it('goes on where it was stopped, and copies nothing twice', async () => {
    const { source, target } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 30)
    await source.log.deleteRecords(place('t', 4))
    // What a death in the middle leaves: the beginning, and a part.
    await target.log.topics.create('t', { partitions: 1 })
    await target.imports?.begin(place('t', 4))
    const { records } = await source.log.read(place('t', 4), { ...all, maxRecords: 10 }, never)
    await target.imports?.append(place('t', 4), records)

    const { move } = moving(target)
    expect((await move.survey(source)).partitions).toMatchObject([
      { start: 4n, end: 30n, copiedTo: 14n, passed: 0n, toCopy: 16n },
    ])
    expect(await move.copy(source)).toBe(16)
    expect(await move.copy(source)).toBe(0)
    await append(source, 't', 30, 33)
    expect(await move.copy(source)).toBe(3)
    const { partitions } = await move.finish(source)
    expect(partitions).toMatchObject([{ from: 4n, to: 33n, records: 29 }])
    // And once more from the beginning, as after a death before its end was written down.
    expect((await moving(target).move.finish(source)).partitions).toEqual(partitions)
  })

  it('begins anew where retention of the old log has overtaken it', async () => {
    const { source, target, move } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 10)
    await move.copy(source)
    await append(source, 't', 10, 20)
    await source.log.deleteRecords(place('t', 15))
    await move.finish(source)
    expect(await target.log.bounds(place('t', 0))).toEqual({ start: 15n, end: 20n })
    expect(await target.log.read(place('t', 15), all, never)).toEqual(
      await source.log.read(place('t', 15), all, never),
    )
  })

  it('ends with no more than the old log has: what retention took meanwhile goes from the new one, too', async () => {
    const { source, target, move } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 20)
    await move.copy(source)
    await source.log.deleteRecords(place('t', 5))
    await move.finish(source)
    expect(await target.log.bounds(place('t', 0))).toEqual({ start: 5n, end: 20n })
  })

  it('asks the new log for the positions afterwards: one without its note would lose what waits in the lane', async () => {
    const { source, target } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 3)
    await source.imports?.positions('g', [{ ...place('t', 2), note: '1 2 a.1.k' }])
    const { imports } = target
    const forgetful = imports && {
      ...imports,
      positions: (group: string, all: readonly Committed[]) =>
        imports.positions(
          group,
          all.map(one => ({ ...one, note: undefined })),
        ),
    }
    await expect(moving({ ...target, imports: forgetful }).move.finish(source)).rejects.toMatchObject({
      code: 'MIGRATION_DIFFERS',
    })
  })

  it('refuses a new log that holds other records, more records, or more partitions', async () => {
    for (const [spoil, sentence] of [
      [({ target }: Two) => append(target, 't', 1, 3), 't/0 holds something else at 0 on the new log'],
      [
        ({ target }: Two) => append(target, 't', 0, 9),
        't/0 ends at 9 on the new log and at 6 on the old one',
      ],
      [({ target }: Two) => target.log.topics.create('t', { partitions: 2 }), 'topic t has 2 partitions'],
    ] as const) {
      const both = await two()
      const { source, target, move } = both
      await source.log.topics.create('t', { partitions: 1 })
      await append(source, 't', 0, 6)
      await target.log.topics.create('t', { partitions: 1 })
      await spoil(both)
      const before = await target.log.read(place('t', 0), all, never)
      const { refused } = await move.survey(source)
      expect(refused.join()).toContain(sentence)
      await expect(move.copy(source)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' })
      expect(await target.log.read(place('t', 0), all, never)).toEqual(before)
    }
  })

  it('refuses a group that works on the new log, or has gone on there', async () => {
    const { source, target, move } = await two()
    for (const { log } of [source, target]) await log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 6)
    await source.imports?.positions('g', [{ ...place('t', 2), note: undefined }])
    await move.copy(source)
    await target.imports?.positions('g', [{ ...place('t', 3), note: undefined }])
    expect((await move.survey(source)).refused).toEqual([
      'group g stands at 3 of t/0 on the new log and at 2 on the old one: it has gone on there',
    ])
    const member = { name: 'a', assigned() {}, revoking: async () => {}, lost() {} }
    await target.groups.join('g', ['t'], member)
    expect((await move.survey(source)).refused[0]).toBe('group g has members on the new log: a')
  })

  it('refuses a log that cannot become a copy, and says why', async () => {
    const { source, target } = await two()
    const features = { ...target.features, imports: { reason: 'it orders by luck' } }
    const { move } = moving({ ...target, features, imports: undefined })
    expect((await move.survey(source)).refused).toEqual([
      'a memory log cannot become a copy: it orders by luck',
    ])
    await expect(move.copy(source)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' })
  })

  it.each([
    [
      'offset',
      'what follows there stands at 6',
      (log: Log) => reading(log, records => records.filter(({ offset }) => offset !== 5n)),
    ],
    [
      'value',
      'its value is another',
      (log: Log) =>
        reading(log, records => records.map(r => (r.offset === 5n ? { ...r, value: new Uint8Array(7) } : r))),
    ],
    [
      'key',
      'its key is another',
      (log: Log) => reading(log, records => records.map(r => (r.offset === 5n ? { ...r, key: '' } : r))),
    ],
    [
      'headers',
      'its headers are others',
      (log: Log) => reading(log, records => records.map(r => (r.offset === 5n ? { ...r, headers: {} } : r))),
    ],
    [
      'time',
      'its time is',
      (log: Log) =>
        reading(log, records =>
          records.map(r => (r.offset === 5n ? { ...r, timestamp: r.timestamp + 1 } : r)),
        ),
    ],
  ])('notices one record with another %s', async (_, how, spoil) => {
    const { source, target } = await two()
    await source.log.topics.create('t', { partitions: 1 })
    await append(source, 't', 0, 9)
    const { move } = moving({ ...target, log: spoil(target.log) })
    const failure = await move.finish(source).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({
      code: 'MIGRATION_DIFFERS',
      facts: { topic: 't', partition: 0, offset: 5n },
    })
    expect(String(failure)).toContain(how)
    expect(await target.groups.list()).toEqual([])
  })
})

/** A log of which something else is read than was written. */
function reading(log: Log, change: (records: readonly LogRecord[]) => readonly LogRecord[]): Log {
  const read: Log['read'] = async (at, limits, signal) => {
    const page = await log.read(at, limits, signal)
    const records = change(page.records)
    return { ...page, records }
  }
  return new Proxy(log, {
    get(of, name) {
      if (name === 'read') return read
      const value: unknown = Reflect.get(of, name)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
}
