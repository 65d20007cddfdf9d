import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { lossyProxy, type LossyProxy } from '../../../test/harness/lossy-proxy.ts'
import { fileKafka, noOwnKafka } from '../../../test/kafka.ts'
import {
  offset,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type LogRecord,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { openKafka } from './kafka.ts'
import { resolveKafkaOptions, type KafkaOptions } from './options.ts'

const never = new AbortController().signal
const TOPIC_LIMIT = 20_000

describe.skipIf(noOwnKafka)('appending to Kafka', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-append-'))
  let proxy: LossyProxy
  beforeAll(async () => {
    proxy = await lossyProxy()
  })
  const own = fileKafka(() => ({
    nodes: 1,
    dataDir,
    properties: {
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}`,
      'auto.create.topics.enable': 'true',
    },
  }))
  beforeAll(() => {
    proxy.target = own.cluster.nodes[0]?.address ?? ''
  })
  afterAll(() => {
    proxy.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const lines: string[] = []
  let renewals = 0
  async function open({
    clock = systemClock,
    ...options
  }: Partial<KafkaOptions> & { clock?: Clock } = {}): Promise<Log> {
    const resolved = resolveKafkaOptions({
      brokers: [`127.0.0.1:${proxy.port}`],
      replication: { factor: 1 },
      deliveryTimeout: '60s',
      ...options,
    })
    const warn = (_: unknown, line?: string): void => void lines.push(line ?? '')
    const system = await openKafka(resolved, {
      clock,
      random: systemRandom,
      logger: { ...silentLogger, warn },
      observer: { renewed: () => (renewals += 1) },
    })
    onTestFinished(() => {
      proxy.loses = () => false
      return system.close()
    })
    return system.log
  }

  it('hazard 25: keeps the order of every key, and stores each record once, while answers of the broker get lost', async () => {
    const log = await open()
    await log.topics.create('resets', { partitions: 4 })
    await log.append('resets', [{ key: 'a', value: null, headers: {} }])
    let pieces = 0
    proxy.loses = () => ++pieces % 5 === 0
    const before = proxy.lost
    const sent = new Map<string, number[]>()
    await Promise.all(
      Array.from({ length: 40 }, async (_, of) => {
        const key = `key-${of % 10}`
        for (let i = 0; i < 15; i++) {
          const n = of * 100 + i
          sent.set(key, [...(sent.get(key) ?? []), n])
          await log.append('resets', [{ key, value: bytes(String(n)), headers: {} }])
        }
      }),
    )
    proxy.loses = () => false
    expect(proxy.lost - before).toBeGreaterThanOrEqual(3)
    const stored = (await Promise.all([0, 1, 2, 3].map(partition => all(log, 'resets', partition)))).flat()
    for (const [key, values] of sent) {
      const found = stored.filter(record => record.key === key).map(({ value }) => Number(words(value)))
      expect(found, key).toEqual(values)
    }
  })

  it('hazard 27: stores a record that failed twice before those that were appended after it', async () => {
    const log = await open()
    await log.topics.create('twice', { partitions: 1 })
    await log.append('twice', [{ value: bytes('first'), headers: {} }])
    const before = proxy.lost
    proxy.loses = () => proxy.lost - before < 2
    const appends = ['A', 'B', 'C'].map(value => log.append('twice', [{ value: bytes(value), headers: {} }]))
    await Promise.all(appends)
    expect(proxy.lost - before).toBe(2)
    expect((await all(log, 'twice')).map(text)).toEqual(['first', 'A', 'B', 'C'])
  })

  it('hazard 31: says that it does not know of a record whose answer got lost, and stores it once, in its place', async () => {
    const log = await open({ deliveryTimeout: '500ms', requestTimeout: '300ms' })
    await log.topics.create('unknown', { partitions: 1 })
    await log.append('unknown', [{ value: bytes('before'), headers: {} }])
    const before = proxy.lost
    proxy.loses = () => true
    const lost = log.append('unknown', [{ value: bytes('lost answer'), headers: {} }])
    await expect(lost).rejects.toMatchObject({ code: 'LOG_FAILED' })
    expect(proxy.lost).toBeGreaterThan(before)
    proxy.loses = () => false
    const patient = await open()
    await expect
      .poll(
        () => log.append('unknown', [{ value: bytes('after'), headers: {} }]).then(() => 'stored', String),
        { timeout: 60_000 },
      )
      .toBe('stored')
    const values = (await all(patient, 'unknown')).map(text)
    expect(values.slice(0, 2)).toEqual(['before', 'lost answer'])
    expect(values.filter(value => value === 'lost answer')).toHaveLength(1)
  })

  it('says that nothing was stored when no broker was reached, and takes what waits out of the queue', async () => {
    const log = await open({ deliveryTimeout: '300ms', connectTimeout: '200ms' })
    await log.topics.create('away', { partitions: 1 })
    const node = own.cluster.nodes[0]
    await node?.kill()
    const refused = Array.from({ length: 3 }, () => log.append('away', [{ value: bytes('x'), headers: {} }]))
    const outcomes = await Promise.allSettled(refused)
    expect(
      outcomes.map(outcome => outcome.status === 'rejected' && (outcome.reason as { code: string }).code),
    ).toEqual(['LOG_STALLED', 'LOG_STALLED', 'LOG_STALLED'])
    await node?.start()
    const patient = await open()
    await patient.append('away', [{ value: bytes('back'), headers: {} }])
    expect((await all(patient, 'away')).map(text)).toEqual(['back'])
  })

  it('hazard 26: goes on under a new producer id when the broker has lost its sequence, and says so', async () => {
    const log = await open()
    await log.topics.create('tail', { partitions: 1 })
    for (let i = 0; i < 20; i++) await log.append('tail', [{ value: bytes(`${i}`), headers: {} }])
    const node = own.cluster.nodes[0]
    await node?.kill()
    // The disk of the only copy comes back without its end, as after a power cut: the broker knows fewer of our records.
    const segment = find(dataDir, /^tail-0$/, /^\d+\.log$/)
    const { size } = statSync(segment)
    truncateSync(segment, Math.floor(size / 2))
    await node?.start()
    lines.length = renewals = 0
    await log.append('tail', [{ value: bytes('next'), headers: {} }])
    await log.append('tail', [{ value: bytes('last'), headers: {} }])
    const values = (await all(log, 'tail')).map(text)
    expect(values.length).toBeLessThan(20)
    expect(values.slice(-2)).toEqual(['next', 'last'])
    expect(lines.filter(line => line.includes('lost the sequence'))).toHaveLength(1)
    expect(renewals).toBe(1)
  })

  it('hazard 28: takes a record of just what the topic takes within a hundred, and refuses one byte more before it is sent', async () => {
    const log = await open()
    await log.topics.create('small', { partitions: 1 })
    await setTopic('small', 'max.message.bytes', String(TOPIC_LIMIT))
    const small = Array.from({ length: 99 }, (_, i) => ({
      value: bytes(`small ${i}`),
      headers: {},
      partition: 0,
    }))
    const largest = largestValue()
    const fits = { value: new Uint8Array(largest), headers: {}, partition: 0 }
    await log.append('small', [...small.slice(0, 50), fits, ...small.slice(50)])
    expect(await all(log, 'small')).toHaveLength(100)
    const larger = { ...fits, value: new Uint8Array(largest + 1) }
    const refused = log.append('small', [...small.slice(0, 50), larger, ...small.slice(50)])
    await expect(refused).rejects.toMatchObject({ code: 'LOG_RECORD_TOO_LARGE', facts: { index: 50 } })
    expect(await all(log, 'small')).toHaveLength(100)
  })

  it('hazard 28: refuses only the record that is too large when the topic takes less than it did', async () => {
    const log = await open()
    await log.topics.create('lowered', { partitions: 1 })
    await log.append('lowered', [{ value: bytes('first'), headers: {} }])
    await setTopic('lowered', 'max.message.bytes', String(TOPIC_LIMIT))
    const values = Array.from({ length: 10 }, (_, i) => new Uint8Array(i === 4 ? 2 * TOPIC_LIMIT : 3_000))
    await log.topics.create('beside', { partitions: 1 })
    await log.append('beside', [{ value: null, headers: {} }])
    const beside = log.append('beside', [{ value: bytes('in the same request'), headers: {} }])
    const outcomes = await Promise.allSettled(
      values.map(value => log.append('lowered', [{ value, headers: {} }])),
    )
    expect((await beside)[0]?.kind).toBe('appended')
    expect(outcomes.map(({ status }, i) => (status === 'rejected' ? i : []))).toEqual(
      values.map((_, i) => (i === 4 ? 4 : [])),
    )
    expect(outcomes[4]).toMatchObject({ reason: { code: 'LOG_RECORD_TOO_LARGE', facts: { index: 0 } } })
    expect((await all(log, 'lowered')).map(({ value }) => value?.length)).toEqual([
      5,
      ...Array<number>(9).fill(3_000),
    ])
  })

  it('takes what was too large as soon as the topic takes more', async () => {
    let passed = 0
    const log = await open({ clock: { ...systemClock, monotonic: () => systemClock.monotonic() + passed } })
    await log.topics.create('raised', { partitions: 1 })
    await setTopic('raised', 'max.message.bytes', String(TOPIC_LIMIT))
    const large = { value: new Uint8Array(2 * TOPIC_LIMIT), headers: {} }
    await expect(log.append('raised', [large])).rejects.toMatchObject({ code: 'LOG_RECORD_TOO_LARGE' })
    await setTopic('raised', 'max.message.bytes', String(4 * TOPIC_LIMIT))
    passed = 2_000 // somebody has read what was said, and acted
    expect((await log.append('raised', [large]))[0]?.kind).toBe('appended')
  })

  it('hazard 29: makes no topic by a typo, on brokers that would; a topic that somebody deletes is refused from then on', async () => {
    const log = await open()
    const tp = { topic: 'typo', partition: 0 }
    const unknown = { code: 'LOG_TOPIC_UNKNOWN' }
    await expect(log.append('typo', [{ value: null, headers: {} }])).rejects.toMatchObject(unknown)
    await expect(log.bounds(tp)).rejects.toMatchObject(unknown)
    await expect(log.read({ ...tp, offset: offset(0) }, page, never)).rejects.toMatchObject(unknown)
    expect(await log.topics.list()).not.toContain('typo')
    await log.topics.create('gone', { partitions: 1 })
    await log.append('gone', [{ value: null, headers: {} }])
    await own.cluster.ask(admin => admin.deleteTopics({ topics: ['gone'] }))
    await expect(log.append('gone', [{ value: null, headers: {} }])).rejects.toMatchObject(unknown)
    expect(await log.topics.list()).not.toContain('gone')
  })

  it('refuses what waits for the brokers above maxQueueBytes, storing nothing of it', async () => {
    const log = await open({ maxRecordBytes: 10_000, maxQueueBytes: 25_000 })
    await log.topics.create('full', { partitions: 1 })
    const value = new Uint8Array(9_000)
    const appends = Array.from({ length: 4 }, () => log.append('full', [{ value, headers: {} }]))
    const outcomes = await Promise.allSettled(appends)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(outcomes[3]).toMatchObject({ reason: { code: 'LOG_FULL' } })
    await log.append('full', [{ value, headers: {} }])
    expect(await all(log, 'full')).toHaveLength(3)
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'stores and reads what is compressed by %s',
    async compression => {
      const log = await open({ compression })
      const topic = `by-${compression}`
      await log.topics.create(topic, { partitions: 1 })
      const value = bytes('the same words again and again '.repeat(2_000))
      await log.append(topic, [
        { value, key: 'k', headers: { ce_id: '1' } },
        { value: null, headers: {} },
      ])
      const stored = await all(log, topic)
      expect(stored).toMatchObject([
        { key: 'k', headers: { ce_id: '1' } },
        { key: undefined, value: null },
      ])
      expect(words(stored[0]?.value) === words(value), 'the value is what it was').toBe(true)
      expect(statSync(find(dataDir, new RegExp(`^${topic}-0$`), /^\d+\.log$/)).size).toBeLessThan(
        value.length / 4,
      )
    },
  )

  async function setTopic(topic: string, name: string, value: string): Promise<void> {
    await own.cluster.ask(admin =>
      admin.incrementalAlterConfigs({
        resources: [{ resourceType: 2, resourceName: topic, configs: [{ name, value, configOperation: 0 }] }],
      }),
    )
  }
})

/** The largest value of a record without key and headers that fits, by the most that its parts can take. */
function largestValue(): number {
  const head = 61
  const beforeTheKey = 19
  const [noKey, sizeOfValue, noHeaders] = [1, 3, 1]
  return TOPIC_LIMIT - head - beforeTheKey - noKey - sizeOfValue - noHeaders
}

const page = { maxRecords: 1_000, maxBytes: 1_000_000, waitMs: 0 }

async function all(log: Log, topic: string, partition = 0): Promise<LogRecord[]> {
  const { start, end } = await log.bounds({ topic, partition })
  const records: LogRecord[] = []
  for (let at = start; at < end;) {
    const result = await log.read({ topic, partition, offset: at }, page, never)
    records.push(...result.records)
    at = result.next
  }
  return records
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function words(value: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(value ?? undefined)
}

function text({ value }: LogRecord): string | undefined {
  return value === null ? undefined : new TextDecoder().decode(value)
}

function find(under: string, folder: RegExp, file: RegExp): string {
  for (const entry of readdirSync(under, { recursive: true, withFileTypes: true })) {
    const parent = entry.parentPath.split('/').at(-1) ?? ''
    if (entry.isFile() && folder.test(parent) && file.test(entry.name))
      return join(entry.parentPath, entry.name)
  }
  throw new Error(`no ${String(file)} in ${String(folder)} under ${under}`)
}
