import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { killChildren, startChild } from '../../../test/embedded/child.ts'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { powerCutDisk, whyNoPowerCuts } from '../../../test/embedded/power-cut-disk.ts'
import { systemClock } from '../../event/index.ts'
import { compactLog } from './compact.ts'
import { holdFolder } from './holders.ts'
import { verifyLog } from './verify.ts'

afterEach(killChildren)

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-compact-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A log of which most was deleted: a topic of 4 MiB is gone, and what is kept is answered. */
async function shrunkLog(folder: string): Promise<{ readonly kept: readonly string[] }> {
  const system = await openLog(folder)
  for (const topic of ['gone', 'kept']) await system.log.topics.create(topic, { partitions: 1 })
  const value = Buffer.alloc(64 * 1024, 'x')
  for (let i = 0; i < 64; i++) await system.log.append('gone', [{ partition: 0, value, headers: {} }])
  for (let i = 0; i < 30; i++)
    await system.log.append('kept', [{ partition: 0, value: Buffer.from(`kept ${i}`), headers: {} }])
  await system.groups.move('g', [
    { topic: 'kept', partition: 0, offset: (await system.log.bounds({ topic: 'kept', partition: 0 })).end },
  ])
  await system.log.topics.delete('gone')
  await system.log.enforceRetention?.(new AbortController().signal)
  const kept = await readAll(system, 'kept', 0)
  await system.close()
  return { kept }
}

/** What a user sees of the log, and that it takes more. */
async function expectWhole(folder: string, kept: readonly string[]): Promise<void> {
  expect(await verifyLog(folder)).toMatchObject({ ok: true })
  const system = await openLog(folder)
  try {
    expect((await readAll(system, 'kept', 0)).slice(0, kept.length)).toEqual(kept)
    expect(await system.groups.committed('g')).toMatchObject([{ topic: 'kept', partition: 0, offset: 30n }])
    const [outcome] = await system.log.append('kept', [
      { partition: 0, value: Buffer.from('more'), headers: {} },
    ])
    expect(outcome?.position.offset).toBeGreaterThanOrEqual(30n)
  } finally {
    await system.close()
  }
}

describe('compact', () => {
  it('gives the room of deleted events back, and the log goes on as it was', async () => {
    const folder = join(newFolder(), 'log')
    const { kept } = await shrunkLog(folder)
    const { bytesBefore, bytesAfter } = await compactLog(folder)
    expect(bytesBefore).toBeGreaterThan(4 * 1024 * 1024)
    expect(bytesAfter).toBeLessThan(1024 * 1024)
    expect(statSync(join(folder, 'data.mdb')).size).toBe(bytesAfter)
    await expectWhole(folder, kept)
    // Again, on a log that began as a compacted copy, and over what a killed compaction has left.
    mkdirSync(join(folder, 'compacting'))
    writeFileSync(join(folder, 'compacting', 'data.mdb'), 'half')
    await compactLog(folder)
    expect(existsSync(join(folder, 'compacting'))).toBe(false)
    await expectWhole(folder, kept)
  })

  it('hazard 18: is refused while another process has the log open, and changes nothing', async () => {
    const folder = join(newFolder(), 'log')
    const user = startChild('appender.ts', [folder, 'a'])
    await user.said('committed')
    const { ino } = statSync(join(folder, 'data.mdb'))
    await expect(compactLog(folder)).rejects.toMatchObject({ code: 'LOG_IN_USE' })
    expect(statSync(join(folder, 'data.mdb')).ino).toBe(ino)
    const before = user.lines.length
    await user.said('acknowledged', before) // it goes on
    await user.kill()
    await compactLog(folder)
    expect(statSync(join(folder, 'data.mdb')).ino).not.toBe(ino)
  })

  it('hazard 18: nobody can open a log that is being compacted', async () => {
    const folder = join(newFolder(), 'log')
    const { kept } = await shrunkLog(folder)
    const alone = await holdFolder(folder, systemClock, 'alone')
    await expect(openLog(folder)).rejects.toMatchObject({ code: 'LOG_IN_USE' })
    alone.release()
    await expectWhole(folder, kept)
  })
})

const missing = whyNoPowerCuts()

describe.skipIf(missing)(`compact and power cuts${missing ? `, not run: needs ${missing}` : ''}`, () => {
  it('hazard 16: a log that was just compacted is there after a cut, and so is one that is being compacted', async () => {
    const disk = await powerCutDisk(128)
    onTestFinished(() => disk.dispose())
    const folder = join(disk.path, 'log')
    const { kept } = await shrunkLog(folder)
    const { bytesAfter } = await compactLog(folder)
    await disk.cut()
    await disk.mount()
    expect(statSync(join(folder, 'data.mdb')).size).toBe(bytesAfter)
    await expectWhole(folder, kept)

    const compacting = startChild('compactor.ts', [folder])
    await compacting.said('round 2')
    await disk.cut()
    await compacting.kill()
    await disk.mount()
    await expectWhole(folder, kept)
  })
})
