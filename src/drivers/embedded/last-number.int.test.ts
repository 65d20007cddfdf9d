import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { observed } from '../../../test/harness/observed.ts'
import { whyNoStrace } from '../../../test/harness/strace.ts'
import { systemClock } from '../../event/index.ts'
import { diskSpace } from './disk-space.ts'
import { openLmdbStorage } from './lmdb-storage.ts'
import type { Storage } from './storage.ts'

describe('the number of the last transaction in the lock file', () => {
  it.each([1, 2, 3])(
    'hazard 91: is put right when it is %d behind, and nothing of what was committed is gone',
    async behind => {
      const folder = newFolder()
      const storage = await open(folder)
      for (let n = 0; n < 6; n++) await put(storage, n)
      const before = numberIn(folder)
      setBack(folder, behind)
      expect(numberIn(folder)).toBe(before - BigInt(behind))

      for (let n = 6; n < 9; n++) await put(storage, n)
      expect(numbers(storage)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
      expect(numberIn(folder)).toBe(before + 3n)
      await storage.close()
      expect(numbers(await open(folder))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
      observed(`the number was ${before} and was set back by ${behind}`)
    },
  )

  it('hazard 91: keeps a reader at the end from being told that there is no such offset', async () => {
    const folder = newFolder()
    const system = await openLog(join(folder, 'log'))
    onTestFinished(() => system.close())
    const { log } = system
    await log.topics.create('orders', { partitions: 1 })
    const at = { topic: 'orders', partition: 0 }
    for (let n = 0; n < 3; n++)
      await log.append('orders', [{ value: Buffer.of(n), headers: {}, partition: 0 }])
    const { end } = await log.bounds(at)
    setBack(join(folder, 'log'), 1)
    expect((await log.bounds(at)).end, 'readers see the state before').toBe(end - 1n)
    const page = await log.read(
      { ...at, offset: end },
      { maxRecords: 1, maxBytes: 1, waitMs: 0 },
      AbortSignal.any([]),
    )
    expect(page).toEqual({ records: [], next: end, end })
    observed(`the end was ${end}, and ${end - 1n} for a moment`)
  })

  it.skipIf(whyNoStrace('mmap:delay_exit=1'))(
    'hazard 91: is set back by a process that opens the log slowly, and no commit is lost by that',
    async () => {
      const folder = newFolder()
      const storage = await open(folder)
      let written = 0
      let setBack = 0
      let highest = 0n
      const look = (): void => {
        const number = numberIn(folder)
        if (number < highest) setBack++
        highest = number
      }
      for (let opens = 0; setBack === 0 && opens < 40; opens++) {
        let isOpen = false
        const opening = openSlowly(folder).finally(() => (isOpen = true))
        while (!isOpen) {
          await put(storage, written++)
          const until = performance.now() + 3
          do look()
          while (performance.now() < until)
        }
        await opening
      }
      expect(setBack).toBeGreaterThan(0)
      await put(storage, written++)
      expect(numbers(storage)).toEqual(Array.from({ length: written }, (_, n) => n))
      observed(`the number was set back after ${written} commits`)
    },
    120_000,
  )
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-number-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const dataFile = (folder: string): string => join(folder, 'data.mdb')
const lockFile = (folder: string): string => `${dataFile(folder)}-lock`

async function open(folder: string): Promise<Storage> {
  const storage = await openLmdbStorage({
    file: dataFile(folder),
    mode: 'make',
    clock: systemClock,
    space: diskSpace(join(folder, 'reserve'), { minFreeBytes: 0, reserveBytes: 0 }),
    maxBytes: Number.POSITIVE_INFINITY,
    commitTimeoutMs: 60_000,
  })
  onTestFinished(() => storage.close())
  return storage
}

function put(storage: Storage, n: number): Promise<void> {
  const key = Buffer.alloc(4)
  key.writeUInt32BE(n)
  return storage.transact(tx => tx.putRow('groups', key, Buffer.of(1)), 'ordinary')
}

function numbers(storage: Storage): number[] {
  return storage.view(view =>
    [...view.rows('groups', Buffer.of())].map(([key]) => Buffer.from(key).readUInt32BE()),
  )
}

/** Opened once and never closed: this process would give up LMDB's locks with it. */
const descriptors = new Map<string, number>()

function numberIn(folder: string): bigint {
  const file = descriptors.get(folder) ?? openSync(lockFile(folder), 'r')
  descriptors.set(folder, file)
  const number = Buffer.alloc(8)
  readSync(file, number, 0, 8, 8)
  return number.readBigUInt64LE()
}

/** By another process, which has no lock to give up. */
function setBack(folder: string, by: number): void {
  const script = `const fs = require('node:fs')
    const file = fs.openSync(${JSON.stringify(lockFile(folder))}, 'r+')
    const number = Buffer.alloc(8)
    number.writeBigUInt64LE(${numberIn(folder) - BigInt(by)}n)
    fs.writeSync(file, number, 0, 8, 8)`
  execFileSync(process.execPath, ['-e', script])
}

/** Between reading the meta pages and writing what it has found there, LMDB maps the file: that takes 10 ms. */
async function openSlowly(folder: string): Promise<void> {
  const lmdb = createRequire(import.meta.url).resolve('lmdb')
  const script = `require(${JSON.stringify(lmdb)}).open({
    path: ${JSON.stringify(dataFile(folder))}, noSubdir: true, readOnly: true,
    mapSize: 64 * 1024 ** 3, maxDbs: 16, maxReaders: 512, overlappingSync: false })
    process.exit()`
  const slow = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=mmap', '-e', 'inject=mmap:delay_exit=10000']
  await promisify(execFile)('strace', [...slow, process.execPath, '-e', script])
}
