import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { setClock } from '../../../test/embedded/set-clock.ts'
import { isHoldfastError, offset, systemClock, type Clock } from '../../event/index.ts'
import type { AppendRecord, LogSystem } from '../../log/index.ts'
import type { EmbeddedOptions } from './options.ts'
import { verifyLog } from './verify.ts'

async function newLog(
  options: EmbeddedOptions = {},
  clock: Clock = systemClock,
): Promise<LogSystem & { folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-embedded-'))
  const system = await openLog(folder, options, clock)
  onTestFinished(async () => {
    await system.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { ...system, folder }
}

const record = (size: number, fill = 1): AppendRecord => ({
  value: Buffer.alloc(size, fill),
  headers: {},
  partition: 0,
})

const fileSize = (folder: string): number => statSync(join(folder, 'data.mdb')).size

const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isHoldfastError(error) ? error.code : String(error)),
  )

describe('embedded log', () => {
  it('hazard 11: refuses what would wait beyond maxQueueBytes, stores what waits, and then goes on', async () => {
    const { log } = await newLog({ maxRecordBytes: 10_000, maxQueueBytes: 50_000 })
    await log.topics.create('t', { partitions: 1 })
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => codeOf(log.append('t', [record(9_000)]))),
    )
    const stored = outcomes.filter(code => code === 'resolved').length
    expect(stored).toBe(5)
    expect(outcomes.slice(stored)).toEqual(outcomes.slice(stored).map(() => 'LOG_FULL'))
    expect((await log.bounds({ topic: 't', partition: 0 })).end).toBe(5n)
    expect(await codeOf(log.append('t', [record(9_000)]))).toBe('resolved')
    // One call alone is taken whatever its size, or it could never be stored.
    expect(
      await codeOf(
        log.append(
          't',
          Array.from({ length: 10 }, () => record(9_000)),
        ),
      ),
    ).toBe('resolved')
  })

  it('stores a call of many megabytes whole, and reads it in pieces that are asked for', async () => {
    const { log, folder } = await newLog()
    await log.topics.create('t', { partitions: 1 })
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? 700_000 : 5_000 + i))
    await log.append(
      't',
      sizes.map((size, i) => record(size, i)),
    )
    const found: number[] = []
    for (let at = offset(0); at < 60n;) {
      const limits = { maxRecords: 1_000, maxBytes: 200_000, waitMs: 0 }
      const result = await log.read({ topic: 't', partition: 0, offset: at }, limits, AbortSignal.any([]))
      const bytes = result.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
      expect(bytes <= 200_000 || result.records.length === 1).toBe(true)
      for (const { value } of result.records) {
        expect(value?.every(byte => byte === found.length)).toBe(true)
        found.push(value?.length ?? -1)
      }
      at = result.next
    }
    expect(found).toEqual(sizes)
    expect(await verifyLog(folder)).toMatchObject({ ok: true, partitions: [{ records: 60 }] })
  })

  it('refuses an append whose topic was deleted while it waited, and stores those beside it', async () => {
    const { log } = await newLog()
    for (const topic of ['gone', 'kept']) await log.topics.create(topic, { partitions: 1 })
    const deleting = log.topics.delete('gone')
    const appends = [log.append('gone', [record(10)]), log.append('kept', [record(10)])]
    expect(await Promise.all(appends.map(codeOf))).toEqual(['LOG_TOPIC_UNKNOWN', 'resolved'])
    await deleting
    expect(await log.topics.list()).toEqual(['kept'])
  })

  it('removes the chunks of a deleted topic in slices, and never takes them for those of a new one', async () => {
    const { log, folder } = await newLog()
    await log.topics.create('t', { partitions: 2 })
    for (let i = 0; i < 600; i++) await log.append('t', [{ ...record(2_000, i), partition: i % 2 }])
    await log.topics.delete('t')
    await log.topics.create('t', { partitions: 1 })
    await log.append('t', [record(10)])
    expect(await log.bounds({ topic: 't', partition: 0 })).toEqual({ start: 0n, end: 1n })
    await log.enforceRetention?.(AbortSignal.any([]))
    expect(await verifyLog(folder)).toMatchObject({ ok: true, partitions: [{ records: 1 }] })
    // What it took is used again: as much as before goes in without the file growing by as much.
    const size = fileSize(folder)
    for (let i = 0; i < 300; i++) await log.append('t', [record(2_000, i)])
    expect(fileSize(folder) - size).toBeLessThan(300 * 2_000)
  })

  it('hazard 21: deletes in slices beside appends and reads; what was lost is exactly what was deleted', async () => {
    const clock = setClock()
    const { log } = await newLog({}, clock)
    await log.topics.create('t', { partitions: 1, retentionMs: 1_000 })
    const old = 700
    for (let i = 0; i < old; i++) await log.append('t', [record(100, i)])
    clock.pass(10_000)
    const [deleted] = await Promise.all([
      log.enforceRetention?.(AbortSignal.any([])),
      ...Array.from({ length: 20 }, () => log.append('t', [record(100)])),
    ])
    expect(deleted).toEqual(new Map([['t/0', BigInt(old)]]))
    const at = { topic: 't', partition: 0, offset: offset(3) }
    const limits = { maxRecords: 1_000, maxBytes: 1_000_000, waitMs: 0 }
    const error = await log.read(at, limits, AbortSignal.any([])).catch((error: unknown) => error)
    expect(isHoldfastError(error, 'OFFSET_OUT_OF_RANGE') && error.facts).toMatchObject({
      start: BigInt(old),
      end: BigInt(old + 20),
      lost: BigInt(old - 3),
    })
    expect(await log.read({ ...at, offset: offset(old) }, limits, AbortSignal.any([]))).toMatchObject({
      records: { length: 20 },
    })
  })

  it('runs retention by itself, and tells how long commits took and how much room there is', async () => {
    const commits: number[] = []
    const { promise: space, resolve } = Promise.withResolvers<unknown>()
    const clock = setClock()
    const observe = { committed: (ms: number) => void commits.push(ms), space: resolve }
    const { log } = await newLog({ retentionInterval: '20ms', observe }, clock)
    await log.topics.create('t', { partitions: 1, retentionMs: 1_000 })
    await log.append('t', [record(100)])
    clock.pass(5_000)
    await expect
      .poll(async () => (await log.bounds({ topic: 't', partition: 0 })).start, { timeout: 20_000 })
      .toBe(1n)
    expect(await space).toEqual({
      fileBytes: expect.any(Number),
      reusableBytes: expect.any(Number),
      diskFreeBytes: expect.any(Number),
    })
    expect(commits.length).toBeGreaterThan(2)
  })

  it('reads the same through a partition whose readers are elsewhere', async () => {
    const { log, ...system } = await newLog()
    await log.topics.create('t', { partitions: 1 })
    for (let i = 0; i < 50; i++) await log.append('t', [record(50, i), record(50, i)])
    const whole = await readAll({ log, ...system }, 't', 0)
    const limits = { maxRecords: 3, maxBytes: 1_000, waitMs: 0 }
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        log.read({ topic: 't', partition: 0, offset: offset(i) }, limits, AbortSignal.any([])),
      ),
    )
    expect(results.map(({ records }) => records[0]?.offset)).toEqual(whole.map((_, i) => BigInt(i)))
  })
})
