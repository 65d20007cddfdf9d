import * as client from '@platformatic/kafka'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { produceRequest } from './produce-request.ts'
import { BATCH_BYTES, bytesInBatch, encodeBatch, encodeBody } from './written-batch.ts'

const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 100 }))
const record = fc.record({
  key: fc.option(text, { nil: undefined }),
  value: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null }),
  headers: fc.dictionary(text, text, { maxKeys: 6 }),
  // Copies keep their times, which may go back.
  timestamp: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_000 + 2 ** 30 }),
})
const records = fc.array(record, { minLength: 1, maxLength: 40 })
type Given = typeof record extends fc.Arbitrary<infer T> ? T : never

const EMPTY = encodeBody({ key: undefined, value: null, headers: {} })
const producer = { id: 4_711n, epoch: 3, sequence: 2 ** 31 - 2 }
const bodies = (given: readonly Given[]) =>
  given.map(one => ({ body: encodeBody(one), timestamp: one.timestamp }))

/** As the client package takes it, which is another implementation of the same protocol. */
const messages = (given: readonly Given[], topic: string, partition: number): client.MessageRecord[] =>
  given.map(({ key, value, headers, timestamp }) => ({
    topic,
    partition,
    timestamp: BigInt(timestamp),
    value: (value === null ? null : Buffer.from(value)) as Buffer,
    headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
    ...(key !== undefined && { key: Buffer.from(key) }),
  }))

const options = (of: ReadonlyMap<string, number>) => ({
  compression: 'none' as const,
  producerId: producer.id,
  producerEpoch: producer.epoch,
  partitionLeaderEpoch: -1,
  sequences: { getWithDefault: (key: string) => of.get(key) ?? 0 } as never,
})

describe('a batch that is written', () => {
  it('is the same, byte by byte, as another implementation writes it', async () => {
    await fc.assert(
      fc.asyncProperty(records, async given => {
        const theirs = client.createRecordsBatch(
          messages(given, 't', 0),
          options(new Map([['t:0', producer.sequence]])),
        )
        const ours = await encodeBatch({ records: bodies(given), producer })
        expect(ours.toString('hex')).toBe(theirs.buffer.toString('hex'))
      }),
    )
  })

  it('holds times that lie years apart, which the client package does not write', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 4_102_444_800_000 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(times, async times => {
        const records = times.map(timestamp => ({ body: EMPTY, timestamp }))
        const bytes = await encodeBatch({ records, producer })
        const batch = client.readRecordsBatch(client.Reader.from(bytes))
        expect(batch.records.map(one => Number(batch.firstTimestamp + one.timestampDelta))).toEqual(times)
        expect(Number(batch.maxTimestamp)).toBe(Math.max(...times))
      }),
    )
  })

  it('is not larger than its records were counted', async () => {
    await fc.assert(
      fc.asyncProperty(records, async given => {
        const written = bodies(given)
        const most = written.reduce((sum, { body }) => sum + bytesInBatch(body), BATCH_BYTES)
        expect((await encodeBatch({ records: written, producer })).length).toBeLessThanOrEqual(most)
      }),
    )
  })

  it('says how it is compressed, and its checksum is that of what is sent', async () => {
    const given = [{ key: 'k', value: Buffer.from('v'.repeat(500)), headers: {}, timestamp: 7 }]
    const { bitmask: algorithm, compressSync: compress } = client.compressionsAlgorithms.gzip
    const bytes = await encodeBatch({ records: bodies(given), producer }, { algorithm, compress })
    const batch = client.readRecordsBatch(client.Reader.from(bytes))
    expect(bytes.length).toBeLessThan(200)
    expect(batch.crc).toBe(client.crc32c(bytes.subarray(21)))
    expect(batch.records.map(({ value }) => String(value))).toEqual(['v'.repeat(500)])
  })

  it('holds copies: whoever appends may use their bytes again', () => {
    const value = Buffer.from('before')
    const body = encodeBody({ key: undefined, value, headers: {} })
    value.fill('x')
    expect(body.includes('before')).toBe(true)
  })
})

const versions = Object.entries(client).flatMap(([name, version]) =>
  /^produceV\d+$/.test(name) ? [version as unknown as Version] : [],
)
interface Version {
  readonly api: { readonly version: number }
  readonly createRequest: (
    acks: number,
    timeoutMs: number,
    of: client.MessageRecord[],
    options: object,
  ) => client.Writer
}

it.each(versions)(
  'a request of version $api.version is the one that another implementation makes',
  async version => {
    const places = [
      { topic: 'a', partition: 0, sequence: 1 },
      { topic: 'a', partition: 12, sequence: 2 },
      { topic: 'b'.repeat(249), partition: 3, sequence: 3 },
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(records, { minLength: 1, maxLength: 3 }), async given => {
        const used = places.slice(0, given.length)
        const sequences = new Map(
          used.map(({ topic, partition, sequence }) => [`${topic}:${partition}`, sequence]),
        )
        const all = used.flatMap(({ topic, partition }, i) => messages(given[i] ?? [], topic, partition))
        const batches = await Promise.all(
          used.map(async ({ topic, partition, sequence }, i) => ({
            topic,
            partition,
            bytes: await encodeBatch({
              records: bodies(given[i] ?? []),
              producer: { ...producer, sequence },
            }),
          })),
        )
        const theirs = version.createRequest(-1, 3_000, all, options(sequences)).buffer
        const ours = Buffer.concat(produceRequest(version.api.version, { timeoutMs: 3_000, batches }))
        expect(ours.toString('hex')).toBe(theirs.toString('hex'))
      }),
      { numRuns: 20 },
    )
  },
)
