import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { openLog } from '../../../test/embedded/open.ts'
import { isHoldfastError } from '../../event/index.ts'
import { verifyLog } from './verify.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** 40 chunks of one record in partition 0, nothing in partition 1. */
async function makeLog(folder: string): Promise<void> {
  const system = await openLog(folder)
  await system.log.topics.create('orders', { partitions: 2 })
  for (let i = 0; i < 40; i++) {
    await system.log.append('orders', [
      { partition: 0, value: Buffer.from(`order number ${i};`), headers: {} },
    ])
  }
  await system.close()
}

describe('verify', () => {
  it('counts what is there and finds nothing in a whole log, also while it is in use', async () => {
    const folder = newFolder()
    await makeLog(folder)
    const system = await openLog(folder)
    onTestFinished(() => system.close())
    const report = await verifyLog(folder)
    expect(report).toMatchObject({ ok: true, findings: [] })
    expect(report.partitions).toEqual([
      {
        topic: 'orders',
        partition: 0,
        records: 40,
        bytes: expect.any(Number),
        first: '0',
        last: '39',
        findings: [],
      },
      {
        topic: 'orders',
        partition: 1,
        records: 0,
        bytes: 0,
        first: undefined,
        last: undefined,
        findings: [],
      },
    ])
  })

  it('hazard 15: names the partition and the offset of one changed byte, and counts what is whole around it', async () => {
    const folder = newFolder()
    await makeLog(folder)
    const file = join(folder, 'data.mdb')
    const bytes = readFileSync(file)
    // Every copy, for older ones stand in pages that are free now.
    let changed = 0
    for (
      let at = bytes.indexOf('order number 20;');
      at >= 0;
      at = bytes.indexOf('order number 20;', at + 1)
    ) {
      bytes[at] = 'O'.charCodeAt(0)
      changed++
    }
    expect(changed).toBeGreaterThan(0)
    writeFileSync(file, bytes)
    const report = await verifyLog(folder)
    expect(report.ok).toBe(false)
    expect(report.partitions[0]).toMatchObject({ records: 39, first: '0', last: '39' })
    expect(report.partitions[0]?.findings).toEqual([
      'chunk at offset 20: the checksum of the chunk does not match',
      'offsets 20 to 20 are missing',
    ])
    expect(report.partitions[1]).toMatchObject({ findings: [] })
    observed(`one byte changed in ${changed} copies`)
  })

  it('hazard 14: survives a file without its end, and tells that and how its reader ended', async () => {
    const folder = newFolder()
    await makeLog(folder)
    const file = join(folder, 'data.mdb')
    writeFileSync(file, readFileSync(file).subarray(0, 5 * 4096))
    const report = await verifyLog(folder)
    expect(report.ok).toBe(false)
    expect(report.findings[0]).toMatch(/its end is missing/)
    const deaths = [report.findings, ...report.partitions.map(({ findings }) => findings)]
      .flat()
      .filter(text => /the process that read it/.test(text))
    expect(deaths).not.toEqual([])
    observed(deaths.join('; '))
  })

  it('refuses a folder without a log', async () => {
    const error = await verifyLog(newFolder()).catch((error: unknown) => error)
    expect(isHoldfastError(error, 'CONFIG_INVALID')).toBe(true)
  })
})
