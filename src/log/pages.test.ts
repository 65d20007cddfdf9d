import { expect, it } from 'vitest'
import { memory } from '../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, type LogRecord } from '../event/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
import { pages, type PageLimits } from './pages.ts'
import type { Log } from './port.ts'

const from = { topic: 'orders', partition: 0, offset: offset(0) }
const limits: PageLimits = { maxRecords: 4, maxBytes: 1_000_000, end: offset(10) }

async function logOfTen(): Promise<Log> {
  const { log } = await memory().open({
    clock: virtualClock(0),
    random: seededRandom(1),
    logger: silentLogger,
  })
  await log.topics.create('orders', { partitions: 1 })
  const record = { value: null, headers: {} }
  await log.append(
    'orders',
    Array.from({ length: 10 }, () => record),
  )
  return log
}

const offsets = (records: readonly LogRecord[]): number[] => records.map(record => Number(record.offset))

it('reads to the end in pages, and no further', async () => {
  const log = await logOfTen()
  const read: number[][] = []
  for await (const page of pages(log, from, { ...limits, end: offset(8) }, new AbortController().signal))
    read.push(offsets(page.records))
  expect(read).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ])
})

it('reads nothing more once the signal aborts', async () => {
  const log = await logOfTen()
  const stop = new AbortController()
  const read: number[] = []
  for await (const page of pages(log, from, limits, stop.signal)) {
    read.push(...offsets(page.records))
    stop.abort()
  }
  expect(read).toEqual([0, 1, 2, 3])
})

it('ends when the log answers nothing below the end', async () => {
  let reads = 0
  const stuck: Pick<Log, 'read'> = {
    read: async ({ offset: next }) => {
      if (++reads > 1) throw new Error('it asks again and again')
      return { records: [], next, end: limits.end }
    },
  }
  for await (const { records } of pages(stuck, from, limits, new AbortController().signal))
    expect(records).toEqual([])
  expect(reads).toBe(1)
})
