import { expect, it } from 'vitest'
import { memory } from '../drivers/memory/index.ts'
import { HoldfastError, offset, silentLogger, systemClock, systemRandom } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { encodeLaneRecord } from '../recover/lane/index.ts'
import { ParkedBytes } from './parked-bytes.ts'

const lane = { topic: 'orders.billing.retry', partition: 0 }
const origin = { topic: 'orders', partition: 0 }
const state = { attempts: 0, dueAt: 0, deaths: 0, final: undefined, first: undefined, last: undefined }

/** A lane in which event n is parked at n, each with so many bytes. */
async function parked(count: number, bytes: number): Promise<Log> {
  const { log } = await memory().open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  await log.topics.create(lane.topic, { partitions: 1 })
  for (let at = 0; at < count; at++) {
    const event = { key: 'a', headers: { n: String(at) }, value: new Uint8Array(bytes).fill(at), time: 1 }
    const park = { kind: 'park', tenure: 'W', seq: at, generation: 0, origin: offset(at), round: 0 } as const
    await log.append(lane.topic, [encodeLaneRecord({ ...park, state, event }, 0)])
  }
  return log
}

function readBy(log: Log, read: Log['read']): ParkedBytes {
  const { signal } = new AbortController()
  return new ParkedBytes({ log: { ...log, read }, origin, lane, signal })
}

it('reads what waits near an event with it, and gives each as it came', async () => {
  const log = await parked(100, 10)
  let reads = 0
  const bytes = readBy(log, (...of) => {
    reads += 1
    return log.read(...of)
  })
  const all = await Promise.all(Array.from({ length: 100 }, (_, at) => bytes.of(offset(at), offset(at))))
  expect(all.map(({ headers }) => Number(headers['n']))).toEqual(Array.from({ length: 100 }, (_, at) => at))
  expect(all[7]).toMatchObject({ ...origin, offset: 7n, key: 'a', value: new Uint8Array(10).fill(7) })
  expect(reads).toBe(1)
})

it('keeps a few of them, and reads the others again', async () => {
  const log = await parked(40, 100_000)
  const bytes = readBy(log, (...of) => log.read(...of))
  for (const at of [...Array(40).keys(), ...Array(40).keys()])
    expect((await bytes.of(offset(at), offset(at))).headers['n']).toBe(String(at))
})

it('gives an event behind which the lane is damaged', async () => {
  const log = await parked(2, 10)
  const bytes = readBy(log, async (at, limits, signal) => {
    if (limits.maxRecords > 1 || at.offset > 0n) throw new HoldfastError('LOG_CORRUPT', { detail: 'here' })
    return log.read(at, limits, signal)
  })
  expect((await bytes.of(offset(0), offset(0))).headers['n']).toBe('0')
  await expect(bytes.of(offset(1), offset(1))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  // Who is refused keeps nobody else waiting.
  expect((await bytes.of(offset(0), offset(0))).headers['n']).toBe('0')
})

it('says where an event is not', async () => {
  const log = await parked(2, 10)
  const bytes = readBy(log, (...of) => log.read(...of))
  await expect(bytes.of(offset(0), offset(1))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
})
