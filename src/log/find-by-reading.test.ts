import { describe, expect, it } from 'vitest'
import { boundLog } from '../../test/support/bound-log.ts'
import { memory } from '../drivers/memory/index.ts'
import { HoldfastError, seededRandom, silentLogger, systemClock } from '../event/index.ts'
import { findByReading } from './find-by-reading.ts'
import type { FindOptions, IdSearch, Log } from './port.ts'

const EVENTS = 40_000

/** A log that holds `orders`, and `others` of somebody else. */
async function filled(): Promise<Log> {
  const { log } = await memory().open({ clock: systemClock, random: seededRandom(1), logger: silentLogger })
  for (const topic of ['orders', 'others']) {
    await log.topics.create(topic, { partitions: 1 })
    const records = Array.from({ length: EVENTS }, (_, n) => ({
      value: null,
      headers: { ce_id: `${topic} ${n}` },
    }))
    await log.append(topic, records)
  }
  return log
}

function search(log: Log, id: string, options: Partial<FindOptions> = {}): Promise<IdSearch> {
  const { signal } = new AbortController()
  return findByReading(
    log,
    id,
    { as: ['id'], limit: 10, patienceMs: 60_000, signal, ...options },
    systemClock,
  )
}

describe('an id that no index knows', () => {
  it('is looked for as long as patience lasts, and what is left is then read no more', async () => {
    const log = await filled()
    let reads = 0
    const counted: Log = {
      ...boundLog(log),
      read(...args) {
        reads += 1
        return log.read(...args)
      },
    }
    const { unsearched } = await search(counted, 'nobody', { patienceMs: -1 })
    expect(unsearched).toMatchObject([
      { topic: 'orders', from: 0n, to: BigInt(EVENTS), until: expect.any(Number) as number },
      { topic: 'others', from: 0n, to: BigInt(EVENTS) },
    ])
    // One for the time of the last event of each.
    expect(reads).toBe(2)
  })

  it('is found beside topics that may not be read, which are said to be left out', async () => {
    const log = await filled()
    const denied: Log = {
      ...boundLog(log),
      async read(at, ...rest) {
        if (at.topic === 'others') throw new HoldfastError('LOG_DENIED', { detail: at.topic })
        return log.read(at, ...rest)
      },
    }
    const found = await search(denied, 'orders 7')
    expect(found.records).toMatchObject([{ topic: 'orders', offset: 7n }])
    expect(found.unsearched).toEqual([
      {
        topic: 'others',
        partition: 0,
        from: 0n,
        to: BigInt(EVENTS),
        until: undefined,
        why: 'LOG_DENIED: others',
      },
    ])
  })
})
