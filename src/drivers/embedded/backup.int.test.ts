import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { killChildren, startChild, type Child } from '../../../test/embedded/child.ts'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { backupLog, restoreLog } from './backup.ts'

afterEach(killChildren)

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Offset of each record that the child was told is stored, as `partition/offset`, with its id. */
function acknowledged(child: Child): Map<string, string> {
  const all = child.lines
    .filter(line => line.startsWith('acknowledged '))
    .flatMap(line => line.split(' ').slice(1))
    .map(place => place.split('@') as [string, string])
  return new Map(all.map(([id, place]) => [place, id]))
}

async function makeLog(folder: string): Promise<void> {
  const child = startChild('appender.ts', [folder, 'a', '20'])
  expect(await child.endedWithin(30_000)).toEqual({ code: 0 })
}

describe('backup and restore', () => {
  it('hold every event that was acknowledged before the backup began, with positions at or below the ends, while two processes write', async () => {
    const base = newFolder()
    const [folder, file, restored] = [join(base, 'log'), join(base, 'copy.backup'), join(base, 'restored')]
    const first = startChild('appender.ts', [folder, 'a'])
    await first.said('committed')
    const writers = [first, startChild('appender.ts', [folder, 'b'])]
    await writers[1]?.said('committed')

    const before = writers.map(acknowledged)
    const copied = await backupLog(folder, file)
    const during = writers.map(writer => acknowledged(writer).size)
    for (const writer of writers) await writer.kill()
    // The writers did not wait for it: both had answers while it ran.
    during.forEach((count, i) => expect(count).toBeGreaterThan(before[i]?.size ?? 0))

    expect(await restoreLog(file, restored)).toMatchObject({ bytes: copied.bytes, at: copied.at })
    const log = await openLog(restored)
    onTestFinished(() => log.close())
    const there = new Map<string, string>()
    for (let partition = 0; partition < 3; partition++) {
      for (const line of await readAll(log, 'events', partition)) {
        const [, offset = '', value = ''] = /^(\d+)@.*?=(\S+) /.exec(line) ?? []
        there.set(`${partition}/${offset}`, Buffer.from(value, 'base64').toString().trim())
      }
    }
    for (const acked of before) {
      expect(acked.size).toBeGreaterThan(0)
      for (const [place, id] of acked) expect(there.get(place)).toBe(id)
    }
    for (const group of ['a', 'b']) {
      const positions = await log.groups.committed(group)
      expect(positions.length).toBeGreaterThan(0)
      for (const { topic, partition, offset } of positions) {
        const { end } = await log.log.bounds({ topic, partition })
        expect(offset).toBeLessThanOrEqual(end)
      }
    }
    // It goes on where the copy ends.
    const { end } = await log.log.bounds({ topic: 'events', partition: 0 })
    const [outcome] = await log.log.append('events', [
      { partition: 0, value: Buffer.from('new'), headers: {} },
    ])
    expect(outcome?.position.offset).toBe(end)
  })

  it('overwrite nothing, and leave nothing behind when they refuse', async () => {
    const base = newFolder()
    const [folder, file] = [join(base, 'log'), join(base, 'copy')]
    await makeLog(folder)
    writeFileSync(file, 'mine')
    await expect(backupLog(folder, file)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(readFileSync(file, 'utf8')).toBe('mine')
    rmSync(file)
    await backupLog(folder, file)
    const used = join(base, 'used')
    await makeLog(used)
    const data = statSync(join(used, 'data.mdb')).mtimeMs
    await expect(restoreLog(file, used)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(statSync(join(used, 'data.mdb')).mtimeMs).toBe(data)
    expect(readdirSync(base).toSorted()).toEqual(['copy', 'log', 'used'])
  })

  it('find a changed byte, a missing end and a file that is no backup', async () => {
    const base = newFolder()
    const [folder, file, to] = [join(base, 'log'), join(base, 'copy'), join(base, 'to')]
    await makeLog(folder)
    await backupLog(folder, file)
    const whole = readFileSync(file)
    const changed = Buffer.from(whole)
    const at = changed.indexOf('a-7 ')
    expect(at).toBeGreaterThan(0)
    changed[at] = 0x4e
    writeFileSync(file, changed)
    await expect(restoreLog(file, to)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    writeFileSync(file, whole)
    truncateSync(file, whole.length - 10)
    await expect(restoreLog(file, to)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    writeFileSync(file, Buffer.concat([whole.subarray(0, 8192), whole.subarray(-512)]))
    await expect(restoreLog(file, to)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    expect(existsSync(to)).toBe(false)
  })

  it('refuse a backup of a newer Holdfast, naming it', async () => {
    const base = newFolder()
    const [folder, file, to] = [join(base, 'log'), join(base, 'copy'), join(base, 'to')]
    await makeLog(folder)
    await backupLog(folder, file)
    const whole = readFileSync(file)
    const at = whole.lastIndexOf('"format":1')
    expect(at).toBeGreaterThan(whole.length - 512)
    whole[at + '"format":'.length] = '9'.charCodeAt(0)
    writeFileSync(file, whole)
    await expect(restoreLog(file, to)).rejects.toMatchObject({ code: 'LOG_VERSION', facts: { format: 9 } })
    expect(existsSync(to)).toBe(false)
  })
})
