import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fillToTheLastByte, smallDisk } from '../../../test/embedded/small-disk.ts'
import { startChild } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { until } from '../../../test/harness/until.ts'
import { isHoldfastError, systemClock } from '../../event/index.ts'
import { diskSpace, type DiskSpace } from './disk-space.ts'
import { openLmdbStorage } from './lmdb-storage.ts'
import type { Storage } from './storage.ts'

const key = (n: number): Buffer => Buffer.from(`key ${n}`)
const plenty = 2 ** 40

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-storage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function open(
  folder: string,
  change: (real: DiskSpace) => DiskSpace = real => real,
  commitTimeoutMs = 60_000,
): Promise<Storage> {
  const storage = await openLmdbStorage({
    file: join(folder, 'data.mdb'),
    mode: 'make',
    clock: systemClock,
    space: change(diskSpace(join(folder, 'reserve'), { minFreeBytes: 0, reserveBytes: 0 })),
    maxBytes: Number.POSITIVE_INFINITY,
    commitTimeoutMs,
  })
  onTestFinished(() => storage.close())
  return storage
}

const put = (storage: Storage, n: number, size = 10): Promise<void> =>
  storage.transact(tx => tx.putRow('state', key(n), Buffer.alloc(size, n)), 'ordinary')

const keys = (storage: Storage): string[] =>
  storage.view(view =>
    [...view.rows('state', Buffer.from('key '))].map(([key]) => Buffer.from(key).toString()),
  )

function pagesOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / 4096 }, (_, i) => bytes.subarray(i * 4096, (i + 1) * 4096))
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (isHoldfastError(error) ? error.code : String(error)),
  )
}

/** Linux: every thread stands. */
function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') T ')
}

describe('storage on LMDB', () => {
  it('runs transactions in the order of the calls, each seeing the ones before', async () => {
    const storage = await open(newFolder())
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        storage.transact(
          tx => {
            tx.putRow('state', key(n), Buffer.of(n))
            return [...tx.rows('state', Buffer.from('key '))].length
          },
          n % 3 === 0 ? 'urgent' : 'ordinary',
        ),
      ),
    )
    expect(seen).toEqual(seen.map((_, n) => n + 1))
  })

  it('writes nothing of a transaction that throws, and all of those that share its commit', async () => {
    const storage = await open(newFolder())
    const outcomes = await Promise.allSettled([
      put(storage, 1),
      storage.transact(tx => {
        tx.putRow('state', key(2), Buffer.of(2))
        tx.deleteRow('state', key(1))
        throw new Error('no')
      }, 'ordinary'),
      put(storage, 3),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(keys(storage)).toEqual(['key 1', 'key 3'])
  })

  it('shows a transaction its own rows, in order, without those that it deleted', async () => {
    const storage = await open(newFolder())
    for (const n of [1, 3, 5]) await put(storage, n)
    const seen = await storage.transact(tx => {
      tx.putRow('state', key(2), Buffer.of(2))
      tx.putRow('state', key(5), Buffer.of(55))
      tx.deleteRow('state', key(3))
      expect(tx.row('state', key(3))).toBeUndefined()
      return [...tx.rows('state', Buffer.from('key '))].map(
        ([key, value]) => `${Buffer.from(key).toString()}=${value[0]}`,
      )
    }, 'ordinary')
    expect(seen).toEqual(['key 1=1', 'key 2=2', 'key 5=55'])
  })

  it('hazard 1: refuses an environment that this process has open without durable commits', async () => {
    const folder = newFolder()
    const { open: openLmdb } = createRequire(import.meta.url)('lmdb') as {
      open(this: void, options: object): { close(): Promise<void> }
    }
    const unsafe = openLmdb({
      path: join(folder, 'data.mdb'),
      noSubdir: true,
      noSync: true,
      overlappingSync: false,
    })
    onTestFinished(() => unsafe.close())
    const error = await open(folder).catch((error: unknown) => error)
    expect(isHoldfastError(error, 'CONFIG_INVALID')).toBe(true)
    expect(String(error)).toContain('MDB_NOSYNC')
    observed('MDB_NOSYNC was read back from LMDB')
  })

  it('hazard 15: an error of LMDB in one table ends neither reads of another nor the use of freed pages', async () => {
    const folder = newFolder()
    const first = await open(folder)
    const rows = (n: number): Promise<void> =>
      first.transact(tx => {
        for (let i = 0; i < 500; i++) tx.putRow('state', key(n * 1_000 + i), Buffer.from('STATE'.padEnd(60)))
        tx.putRow('groups', key(n), Buffer.from('whole'))
      }, 'ordinary')
    await rows(1)
    await first.close()
    const file = join(folder, 'data.mdb')
    const bytes = readFileSync(file)
    const leaves = pagesOf(bytes).filter(page => (page.readUInt16LE(18) & 2) !== 0 && page.includes('STATE'))
    expect(leaves.length).toBeGreaterThan(3)
    for (const leaf of leaves) leaf.writeUInt16LE(0, 18) // pages of no kind
    writeFileSync(file, bytes)
    const storage = await open(folder)
    for (let again = 0; again < 3; again++) {
      expect(await codeOf(Promise.resolve().then(() => keys(storage)))).toBe('LOG_CORRUPT')
      const seen = storage.view(view =>
        [...view.rows('groups', Buffer.of())].map(([, row]) => Buffer.from(row).toString()),
      )
      expect(seen).toEqual(['whole'])
    }
    const grown: number[] = []
    for (let n = 0; n < 40; n++) {
      await storage.transact(tx => tx.putRow('groups', key(1), Buffer.alloc(50_000, n)), 'ordinary')
      grown.push(storage.sizes().fileBytes)
    }
    expect(grown.at(-1), 'pages of old values are used again').toBe(grown[10])
    observed(`the kind of ${leaves.length} pages was erased, and LMDB reported it three times`)
  })

  it('hazard 17: a commit that finds no room when it is written stores nothing, and the next ones go on', async context => {
    const disk = smallDisk(context)
    let lies = 0
    // The room is gone between the look and the write: the look sees plenty, once.
    const storage = await open(disk, real => ({
      ...real,
      freeBytes: () => (lies-- > 0 ? plenty : real.freeBytes()),
    }))
    await put(storage, 1)
    const bytes = fillToTheLastByte(join(disk, 'hog'))
    for (let n = 2; n < 6; n++) {
      // Twice there is room for a part of it, which LMDB reports like a broken disk.
      if (n === 4) truncateSync(join(disk, 'hog'), bytes - 100 * 1024)
      lies = 1
      expect(await codeOf(put(storage, n, 300_000))).toBe('LOG_FULL')
    }
    expect(keys(storage)).toEqual(['key 1'])
    rmSync(join(disk, 'hog'))
    await put(storage, 7, 300_000)
    expect(keys(storage)).toEqual(['key 1', 'key 7'])
    observed('ENOSPC twice, EIO of a short write twice; the fifth commit went in after room was made')
  })

  it.each(['SIGCONT', 'SIGKILL'] as const)(
    'what waits for a process that is stopped within a transaction is not stored, and all goes on after its %s',
    async signal => {
      const folder = newFolder()
      const storage = await open(folder, undefined, 1_000)
      await put(storage, 1)
      const writer = join(import.meta.dirname, '../../../test/embedded/stopped-writer.ts')
      const other = await startChild({ name: 'writer', args: [writer, folder, 'key 99'] })
      await other.line(/^stops$/)
      await until('it is stopped', () => isStopped(other.pid))
      expect(await Promise.all([put(storage, 2), put(storage, 3)].map(codeOf))).toEqual([
        'LOG_STALLED',
        'LOG_STALLED',
      ])
      expect(await codeOf(put(storage, 4))).toBe('LOG_STALLED')
      expect(keys(storage)).toEqual(['key 1'])
      const waits = put(storage, 5)
      process.kill(other.pid, signal)
      const outcome = await codeOf(waits)
      await other.exited
      await put(storage, 6)
      const theirs = signal === 'SIGCONT' ? ['key 99'] : []
      const waited = outcome === 'resolved' ? ['key 5'] : []
      expect(keys(storage)).toEqual(['key 1', ...waited, 'key 6', ...theirs])
      observed(`pid ${other.pid} stopped with the lock for as long as three commits waited; then ${signal}`)
    },
  )

  it('hazard 2: after a commit that failed for another reason nothing is written, whoever asks', async context => {
    const disk = smallDisk(context)
    let lie = false
    // LMDB says EIO for a short write, and with room on the disk that is what a broken disk says.
    const storage = await open(disk, real => ({
      ...real,
      freeBytes: () => (lie ? plenty : real.freeBytes()),
    }))
    await put(storage, 1)
    truncateSync(join(disk, 'hog'), fillToTheLastByte(join(disk, 'hog')) - 100 * 1024)
    lie = true
    const waiting = [put(storage, 2, 300_000), storage.transact(() => 'read only', 'urgent'), put(storage, 3)]
    expect(await Promise.all(waiting.map(codeOf))).toEqual(['LOG_FAILED', 'LOG_FAILED', 'LOG_FAILED'])
    expect((await storage.failed).code).toBe('LOG_FAILED')
    rmSync(join(disk, 'hog'))
    const before = readFileSync(join(disk, 'data.mdb'))
    expect(await codeOf(put(storage, 4))).toBe('LOG_FAILED')
    expect(readFileSync(join(disk, 'data.mdb')).equals(before)).toBe(true)
    expect(() => keys(storage)).toThrow(/made durable/)
    observed((await storage.failed).detail)
  })
})
