import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { observed } from '../../../test/harness/observed.ts'
import { isHoldfastError, offset, type Position } from '../../event/index.ts'
import type { EmbeddedOptions } from './options.ts'
import { verifyLog } from './verify.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-delete-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opened for the test, with the topic `t` of one partition in it. */
async function openWithTopic(folder: string, options?: EmbeddedOptions): ReturnType<typeof openLog> {
  const system = await openLog(folder, options)
  onTestFinished(() => system.close())
  await system.log.topics.create('t', { partitions: 1 })
  return system
}

const event = (n: number): { value: Uint8Array; headers: {}; partition: number } => ({
  value: Buffer.from(`event number ${n};`),
  headers: {},
  partition: 0,
})

const t = { topic: 't', partition: 0 }
const below = (n: bigint): Position => ({ ...t, offset: offset(n) })

describe('records of the embedded log that are deleted', () => {
  it('go in slices, beside appends, and leave a log in which nothing is missing', async () => {
    const folder = newFolder()
    const { log, ...system } = await openWithTopic(folder)
    const old = 600 // more than two slices
    for (let i = 0; i < old; i++) await log.append('t', [event(i)])
    await Promise.all([
      log.deleteRecords(below(590n)),
      ...Array.from({ length: 20 }, (_, i) => log.append('t', [event(old + i)])),
    ])
    expect(await log.bounds(t)).toEqual({ start: 590n, end: 620n })
    expect(await readAll({ log, ...system }, 't', 0)).toHaveLength(30)
    const report = await verifyLog(folder)
    expect(report).toMatchObject({ ok: true, partitions: [{ records: 30, first: '590', last: '619' }] })
    expect(system.bytesOf?.(t)).toBe(report.partitions[0]?.bytes)
  })

  it('stay with the chunk that the position stands in, which is whole', async () => {
    const folder = newFolder()
    const { log } = await openWithTopic(folder)
    for (let i = 0; i < 4; i++) await log.append('t', [event(0), event(1), event(2)])
    await log.deleteRecords(below(7n))
    expect((await log.bounds(t)).start).toBe(6n)
    await log.deleteRecords(below(8n))
    expect((await log.bounds(t)).start).toBe(6n)
    await log.deleteRecords(below(9n))
    expect((await log.bounds(t)).start).toBe(9n)
    expect(await verifyLog(folder)).toMatchObject({ ok: true, partitions: [{ records: 3, first: '9' }] })
  })

  it('cost no commit while no chunk is to go', async () => {
    let commits = 0
    const observe = { committed: () => void (commits += 1) }
    const { log } = await openWithTopic(newFolder(), { observe, retentionInterval: '1h' })
    for (let i = 0; i < 3; i++) await log.append('t', [event(0), event(1), event(2)])
    const before = commits
    for (const position of [0n, 1n, 2n]) await log.deleteRecords(below(position))
    expect(commits).toBe(before)
    await log.deleteRecords(below(3n))
    expect(commits).toBe(before + 1)
  })

  it('hazard 15: go as far as damage, which is told; nothing behind it is touched', async () => {
    const folder = newFolder()
    const system = await openWithTopic(folder)
    for (let i = 0; i < 40; i++) await system.log.append('t', [event(i)])
    await system.close()
    const file = join(folder, 'data.mdb')
    const bytes = readFileSync(file)
    let changed = 0
    for (let at = bytes.indexOf('number 20;'); at >= 0; at = bytes.indexOf('number 20;', at + 1)) {
      bytes[at] = 0x4e
      changed += 1
    }
    writeFileSync(file, bytes)
    observed(`one byte changed in ${changed} copies`)
    const { log } = await openWithTopic(folder)
    const error = await log.deleteRecords(below(30n)).catch((error: unknown) => error)
    expect(isHoldfastError(error, 'LOG_CORRUPT') && error.message).toContain('t/0')
    expect(await log.bounds(t)).toEqual({ start: 20n, end: 40n })
    const limits = { maxRecords: 100, maxBytes: 1_000_000, waitMs: 0 }
    expect((await log.read(below(21n), limits, AbortSignal.any([]))).records).toHaveLength(19)
    expect(changed).toBeGreaterThan(0)
  })
})
