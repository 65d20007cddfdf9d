import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { until } from '../../../test/harness/until.ts'
import { encodeEvent, newEventId, seededRandom, systemClock } from '../../event/index.ts'
import type { AppendRecord, IdSearch, LogSystem } from '../../log/index.ts'
import { CatalogueReader } from './catalogue.ts'
import { IdFilter, IdHashes } from './id-filter.ts'
import { IdIndexer } from './id-indexer.ts'
import { addPage, readCoverage } from './id-pages.ts'
import { DATA_FILE, openFolder } from './open-folder.ts'
import { openEnvironment } from './lmdb.ts'
import { resolveEmbeddedOptions, type EmbeddedOptions } from './options.ts'
import type { Place } from './storage.ts'
import { verifyLog } from './verify.ts'

/** Three pages and some. */
const EVENTS = 100_000
const PARTITIONS = 3
const quick: EmbeddedOptions = { idIndexInterval: '20ms' }

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-ids-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function open(folder: string, options: EmbeddedOptions = quick): Promise<LogSystem> {
  const system = await openLog(folder, options)
  onTestFinished(() => system.close())
  return system
}

const event = (id: string, more: { causationId?: string; partition?: number } = {}): AppendRecord => ({
  ...encodeEvent({
    id,
    source: '/test',
    type: 'moved',
    version: 1,
    time: undefined,
    causationId: more.causationId,
    correlationId: id,
    acceptedAt: 1,
    extensions: {},
    key: undefined,
    data: Buffer.from('{}'),
  }),
  partition: more.partition ?? 0,
})

/** Ids `first` up to `first + count - 1`, in chunks of 500. */
async function fill({ log }: LogSystem, first: number, count: number): Promise<void> {
  await log.topics.create('t', { partitions: PARTITIONS })
  for (let n = first; n < first + count; n += 500) {
    const ids = Array.from({ length: Math.min(500, first + count - n) }, (_, i) => n + i)
    await log.append(
      't',
      ids.map(id => event(`order-${id}`, { partition: Math.floor(n / 500) % PARTITIONS })),
    )
  }
}

function find({ findId }: LogSystem, id: string, patienceMs = 60_000): Promise<IdSearch> {
  const signal = new AbortController().signal
  const found = findId?.(id, { as: ['id', 'causationId'], limit: 10, patienceMs, signal })
  return found ?? expect.fail('it finds no ids')
}

/** Until pages cover all but what makes none. */
async function indexed(system: LogSystem): Promise<void> {
  await until('the index has caught up', async () => {
    const { searched } = await find(system, 'nobody')
    return searched.read < 32_768n + 2_000n
  })
}

const idsOf = ({ records }: IdSearch): (string | undefined)[] =>
  records.map(({ headers }) => headers['ce_id'])

describe('the index of ids', () => {
  it('answers for every event while few are read, also after it was opened again and in another process', async () => {
    const folder = newFolder()
    const system = await open(folder)
    await fill(system, 0, EVENTS)
    await indexed(system)
    const cause = await system.log.append('t', [event('late', { causationId: 'order-7' })])
    expect(cause).toHaveLength(1)
    for (const id of ['order-7', 'order-50123', 'order-99999']) {
      const found = await find(system, id)
      expect(idsOf(found)).toEqual(id === 'order-7' ? ['order-7', 'late'] : [id])
      expect(found.searched.events).toBe(BigInt(EVENTS + 1))
      // What no page covers, the page it is in, and a page or two that were wrong.
      expect(found.searched.read).toBeLessThan(34_000n + 3n * 33_500n)
      expect(found.unsearched).toEqual([])
    }
    await system.close()
    const again = await open(folder)
    const nobody = await find(again, 'order-100000')
    expect([nobody.records, nobody.unsearched]).toEqual([[], []])
    expect(nobody.searched.events).toBe(BigInt(EVENTS + 1))
    expect(idsOf(await find(again, 'order-31999'))).toEqual(['order-31999'])
    expect((await verifyLog(folder)).ok).toBe(true)
  })

  it('gives up its oldest pages above its bound, and says what it then did not search', async () => {
    const folder = newFolder()
    const first = await open(folder, { idIndexBytes: 0 })
    await fill(first, 0, 70_000)
    await first.close()
    const system = await open(folder, { ...quick, idIndexBytes: 60_000 }) // one page
    // The first of its partition, which only the second page has.
    await until(
      'there is a second page',
      async () => (await find(system, 'order-1000', -1)).records.length > 0,
    )
    const hasty = await find(system, 'order-3', -1)
    expect(hasty.records).toEqual([])
    const left = hasty.unsearched.reduce((sum, { from, to }) => sum + (to - from), 0n)
    expect(hasty.searched.events + left).toBe(70_000n)
    expect(hasty.unsearched.map(({ topic }) => topic)).toContain('t')
    expect(idsOf(await find(system, 'order-3'))).toEqual(['order-3'])
    expect((await find(system, 'nobody')).unsearched).toEqual([])
  })

  it('finds an id that carries its time where no page covers it, around that time only', async () => {
    const system = await open(newFolder(), { idIndexBytes: 0 })
    await fill(system, 0, 1_000)
    const now = Date.now()
    const at = { now: () => now }
    const [known, older] = [
      newEventId(at, seededRandom(1)),
      newEventId({ now: () => now - 3_600_000 }, seededRandom(2)),
    ]
    await system.log.append('t', [event(known), event(older)])
    expect(idsOf(await find(system, known))).toEqual([known])
    // It was not stored when it says: it is found all the same, where time is left for it.
    expect(idsOf(await find(system, older))).toEqual([older])
  })

  it('is made anew when it is damaged, and the log is whole meanwhile', async () => {
    const folder = newFolder()
    const first = await open(folder)
    await fill(first, 0, 40_000)
    await indexed(first)
    await first.close()
    const lmdb = await openEnvironment(join(folder, DATA_FILE), 'keep')
    const rows = [...lmdb.table('ids').getRange({ start: new Uint8Array() })].map(({ key, value }) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    }))
    expect(rows.length).toBeGreaterThanOrEqual(2)
    await lmdb.transaction(() => {
      for (const { key, value } of rows) {
        value[value.length - 5] = (value[value.length - 5] ?? 0) ^ 0x10
        lmdb.table('ids').put(key, value)
      }
    })
    await lmdb.close()
    const again = await open(folder, { idIndexBytes: 0 })
    const found = await find(again, 'order-17')
    expect([idsOf(found), found.searched.read]).toEqual([['order-17'], 40_000n])
    await again.close()
    const mended = await open(folder)
    await indexed(mended)
    expect(idsOf(await find(mended, 'order-17'))).toEqual(['order-17'])
  })

  it('goes on behind a partition that is damaged', async () => {
    const folder = newFolder()
    const first = await open(folder, { idIndexBytes: 0 })
    await fill(first, 0, 90_000)
    await first.close()
    const lmdb = await openEnvironment(join(folder, DATA_FILE), 'keep')
    const [second] = [...lmdb.chunks.getRange({ start: new Uint8Array(), limit: 2 })].slice(1)
    await lmdb.transaction(() => lmdb.chunks.remove(second?.key ?? new Uint8Array()))
    await lmdb.close()
    const system = await open(folder)
    await until('the other partitions are indexed', async () => {
      const { searched } = await find(system, 'nobody', -1)
      return searched.events >= 32_768n
    })
    const found = await find(system, 'order-89999')
    expect(idsOf(found)).toEqual(['order-89999'])
    expect(found.unsearched).toMatchObject([{ topic: 't', partition: 0 }])
  })

  it('ends when all that is left is damaged, and makes no page twice', async () => {
    const folder = newFolder()
    const first = await open(folder, { idIndexBytes: 0 })
    await first.log.topics.create('t', { partitions: PARTITIONS })
    await fill(first, 0, 40_000)
    await first.log.topics.create('one', { partitions: 1 })
    for (let n = 0; n < 40; n++)
      await first.log.append(
        'one',
        Array.from({ length: 1_000 }, () => event('other', { partition: 0 })),
      )
    await first.close()
    const { storage, holding } = await openFolder(folder, systemClock, resolveEmbeddedOptions({}))
    onTestFinished(async () => {
      await storage.close()
      holding.release()
    })
    const catalogue = new CatalogueReader()
    const placeOf = (topic: string): Place => ({
      topicId: storage.view(view => catalogue.topic(view, topic)?.id ?? -1),
      partition: 0,
    })
    await storage.transact(tx => tx.deleteChunk(placeOf('one'), 1_000n), 'urgent')
    const indexer = new IdIndexer({ storage, catalogue, clock: systemClock, maxBytes: 1_000_000 })
    await indexer.run(new AbortController().signal)
    const coverage = storage.view(readCoverage)
    expect(coverage.stretches.find(({ topicId }) => topicId === placeOf('one').topicId)?.to ?? 1_000n).toBe(
      1_000n,
    )
    expect(coverage.stretches.reduce((sum, { from, to }) => sum + (to - from), 0n)).toBeGreaterThan(32_768n)
    const [stretch] = coverage.stretches
    const again = await storage.transact(
      tx => addPage(tx, stretch ? [stretch] : [], IdFilter.of(new IdHashes()), 1_000_000),
      'ordinary',
    )
    expect(again).toBe(false)
    expect(storage.view(readCoverage)).toEqual(coverage)
  })
})
