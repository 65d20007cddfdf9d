import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { fillToTheLastByte, smallDisk } from '../../../test/embedded/small-disk.ts'
import { observed } from '../../../test/harness/observed.ts'
import { isHoldfastError, offset, type HoldfastError } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { verifyLog } from './verify.ts'

const MIB = 1024 * 1024

const record = (
  i: number,
): { key: string; value: Uint8Array; headers: Record<string, string>; partition: number } => ({
  key: `k${i}`,
  value: Buffer.alloc(8_000, i),
  headers: { n: String(i) },
  partition: 0,
})

/** Appends calls of three records until one is refused. Answers the refusal and how many records were acknowledged. */
async function fill(
  system: LogSystem,
  from: number,
): Promise<{ refusal: HoldfastError; acknowledged: number }> {
  for (let i = from; ; i += 3) {
    try {
      await system.log.append('events', [record(i), record(i + 1), record(i + 2)])
    } catch (error) {
      if (isHoldfastError(error)) return { refusal: error, acknowledged: i }
      throw error
    }
    if (i > 10_000) throw new Error('the disk does not get full')
  }
}

/** What each record held: its number, by header, key and every byte. */
async function numbers(system: LogSystem): Promise<number[]> {
  const lines = await readAll(system, 'events', 0)
  return lines.map(line => {
    const [, key, value = '', header] = /k(\d+)=(\S+) \{"n":"(\d+)"\}/.exec(line) ?? []
    const bytes = Buffer.from(value, 'base64')
    expect(bytes.equals(record(Number(key)).value)).toBe(true)
    expect(header).toBe(key)
    return Number(key)
  })
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe('a full disk', () => {
  it('hazard 17: refuses appends while little is left, stores nothing of them, and goes on after retention', async context => {
    const disk = smallDisk(context)
    const system = await openLog(join(disk, 'log'), { minFreeBytes: 4 * MIB, reserveBytes: MIB })
    let open = true
    onTestFinished(() => (open ? system.close() : undefined))
    await system.log.topics.create('events', { partitions: 1 })
    const { refusal, acknowledged } = await fill(system, 0)
    expect(refusal).toMatchObject({ code: 'LOG_FULL', retriable: true })
    expect(acknowledged).toBeGreaterThan(300)
    expect(await numbers(system)).toEqual(range(0, acknowledged))
    // Positions of groups are still stored.
    await system.groups.move('g', [{ topic: 'events', partition: 0, offset: offset(acknowledged) }])
    await system.log.topics.create('events', { partitions: 1, retentionBytes: MIB })
    const deleted = await system.log.enforceRetention?.(AbortSignal.any([]))
    expect(deleted?.get('events/0')).toBeGreaterThan(100n)
    const more = await fill(system, acknowledged)
    expect(more.refusal.code).toBe('LOG_FULL')
    expect(more.acknowledged - acknowledged).toBeGreaterThan(100)
    const kept = await numbers(system)
    expect(kept).toEqual(range(kept[0] ?? -1, more.acknowledged))
    await system.close()
    open = false
    expect(await verifyLog(join(disk, 'log'))).toMatchObject({ ok: true })
    observed(
      `LOG_FULL after ${acknowledged} records, ${deleted?.get('events/0')} deleted, ${more.acknowledged - acknowledged} more stored`,
    )
  })

  it('hazard 17: outlives a disk that others fill to the last byte: the reserve carries retention, then appends go on', async context => {
    const disk = smallDisk(context)
    const system = await openLog(join(disk, 'log'), { minFreeBytes: 0, reserveBytes: 2 * MIB })
    let open = true
    onTestFinished(() => (open ? system.close() : undefined))
    await system.log.topics.create('events', { partitions: 1 })
    for (let i = 0; i < 300; i += 3)
      await system.log.append('events', [record(i), record(i + 1), record(i + 2)])
    expect(statSync(join(disk, 'log', 'reserve')).size).toBe(2 * MIB)
    const hog = fillToTheLastByte(join(disk, 'hog'))
    const { refusal, acknowledged } = await fill(system, 300)
    expect(refusal.code).toBe('LOG_FULL')
    await system.groups.move('g', [{ topic: 'events', partition: 0, offset: offset(acknowledged) }])
    expect(existsSync(join(disk, 'log', 'reserve')), 'the reserve was given back').toBe(false)
    await system.log.topics
      .create('events', { partitions: 1, retentionBytes: MIB })
      .catch((error: unknown) => {
        if (!isHoldfastError(error, 'LOG_FULL')) throw error
      })
    expect(await numbers(system)).toEqual(range(0, acknowledged))
    rmSync(join(disk, 'hog'))
    const next = [record(acknowledged), record(acknowledged + 1)]
    const outcomes = await system.log.append('events', next)
    expect(outcomes.map(({ kind, position }) => [kind, position.offset])).toEqual([
      ['appended', BigInt(acknowledged)],
      ['appended', BigInt(acknowledged + 1)],
    ])
    expect(await numbers(system)).toEqual(range(0, acknowledged + 2))
    const failed = await Promise.race([system.failed, Promise.resolve('goes on')])
    expect(failed).toBe('goes on')
    await system.close()
    open = false
    expect(await verifyLog(join(disk, 'log'))).toMatchObject({ ok: true })
    observed(
      `${hog} bytes by another until ENOSPC, LOG_FULL after ${acknowledged} records, stored again once there was room`,
    )
  })

  it('hazard 17: a log at its own limit of maxBytes refuses appends, keeps positions, and goes on after retention', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-limit-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const system = await openLog(folder, { maxBytes: 4 * MIB })
    onTestFinished(() => system.close())
    await system.log.topics.create('events', { partitions: 1 })
    const { refusal, acknowledged } = await fill(system, 0)
    expect(refusal).toMatchObject({
      code: 'LOG_FULL',
      detail: expect.stringContaining('maxBytes is 4194304'),
    })
    expect(await numbers(system)).toEqual(range(0, acknowledged))
    const end = offset(acknowledged)
    await system.groups.move('g', [{ topic: 'events', partition: 0, offset: end }])
    expect(await system.groups.committed('g')).toMatchObject([{ offset: end }])
    await system.log.topics.create('events', { partitions: 1, retentionBytes: MIB })
    await system.log.enforceRetention?.(AbortSignal.any([]))
    const more = await fill(system, acknowledged)
    expect(more.acknowledged - acknowledged).toBeGreaterThan(100)
    expect(statSync(join(folder, 'data.mdb')).size).toBeLessThan(6 * MIB)
    observed(
      `LOG_FULL after ${acknowledged} records of 8 kB, ${more.acknowledged - acknowledged} more once there was room`,
    )
  })
})
