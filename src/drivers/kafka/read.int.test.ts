import { describe, expect, it, onTestFinished } from 'vitest'
import { fileKafka, noOwnKafka } from '../../../test/kafka.ts'
import {
  offset,
  silentLogger,
  systemClock,
  systemRandom,
  type LogRecord,
  type Offset,
} from '../../event/index.ts'
import type { Log, ReadResult } from '../../log/index.ts'
import { openKafka } from './kafka.ts'
import { resolveKafkaOptions } from './options.ts'

const never = new AbortController().signal
const LONG_MS = 120_000

describe.skipIf(noOwnKafka)('reading from Kafka', () => {
  const own = fileKafka(() => ({ nodes: 1 }))

  async function open(): Promise<Log> {
    const options = resolveKafkaOptions({ brokers: own.cluster.brokers, deliveryTimeout: '60s' })
    const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
    const system = await openKafka(options, env)
    onTestFinished(() => system.close())
    return system.log
  }

  it('answers everybody who reads a partition at once, from the same place and from others', async () => {
    const log = await open()
    await log.topics.create('shared', { partitions: 1 })
    await fill(log, 'shared', 40)
    const from = [0, 0, 7, 7, 20, 39]
    const results = await Promise.all(from.map(at => read(log, 'shared', 0, offset(at), 0)))
    expect(results.map(({ records }) => records[0]?.offset)).toEqual(from.map(offset))
    expect(results.map(({ next }) => next)).toEqual(from.map(() => offset(40)))
    // What one of them does with the bytes is nothing to the others.
    results[0]?.records[0]?.value?.fill(0)
    expect(text(results[1]?.records[0])).toBe('0')
  })

  it('gives page after page of what one fetch brought, each record once', async () => {
    const log = await open()
    await log.topics.create('pages', { partitions: 1 })
    await fill(log, 'pages', 1_000)
    const seen: string[] = []
    for (let at = offset(0); at < 1_000n;) {
      const result = await read(log, 'pages', 0, at, 0, 30)
      expect(result.records.length).toBeLessThanOrEqual(30)
      seen.push(...result.records.map(text))
      at = result.next
    }
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)))
  })

  it('wakes each of many waiting readers by the record of its own partition, and no other', async () => {
    const log = await open()
    await log.topics.create('many', { partitions: 50 })
    const stop = new AbortController()
    const woken: number[] = []
    const readers = Array.from({ length: 50 }, async (_, partition) => {
      const { records } = await read(log, 'many', partition, offset(0), LONG_MS, 10, stop.signal)
      if (records.length > 0) woken.push(partition)
    })
    for (const partition of [49, 0, 17]) {
      await log.append('many', [{ partition, value: new Uint8Array(1), headers: {} }])
      await readers[partition]
    }
    stop.abort()
    await Promise.all(readers)
    expect(woken).toEqual([49, 0, 17])
  })

  it('waits on while its broker dies and comes back, and then gets what was appended since', async () => {
    const log = await open()
    await log.topics.create('outage', { partitions: 1 })
    await fill(log, 'outage', 1)
    const waiting = read(log, 'outage', 0, offset(1), LONG_MS)
    const node = own.cluster.nodes[0]
    await node?.kill()
    // Nobody is there to ask: said within the time that a status page waits.
    await expect(log.bounds({ topic: 'outage', partition: 0 })).rejects.toMatchObject({ code: 'LOG_STALLED' })
    await expect(read(log, 'outage', 0, offset(0), 0)).rejects.toMatchObject({ code: 'LOG_STALLED' })
    await node?.start()
    await fill(log, 'outage', 1)
    expect((await waiting).records.map(({ offset }) => offset)).toEqual([offset(1)])
  })
})

const text = (record: LogRecord | undefined): string => new TextDecoder().decode(record?.value ?? undefined)

async function fill(log: Log, topic: string, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, i) => new TextEncoder().encode(String(i)))
  await log.append(
    topic,
    values.map(value => ({ value, partition: 0, headers: {} })),
  )
}

function read(
  log: Log,
  topic: string,
  partition: number,
  from: Offset,
  waitMs: number,
  maxRecords = 1_000,
  signal: AbortSignal = never,
): Promise<ReadResult> {
  return log.read({ topic, partition, offset: from }, { maxRecords, maxBytes: 1_000_000, waitMs }, signal)
}
