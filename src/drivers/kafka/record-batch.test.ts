import { describe, expect, it } from 'vitest'
import { batchBytes, decompress, FIRST_TIME, LATEST_TIME } from '../../../test/support/kafka-bytes.ts'
import type { LogRecord } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'
import { batchesIn, DamagedBatch, RecordBatch } from './record-batch.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const tp = { topic: 'orders', partition: 3 }
const batch = (...args: Parameters<typeof batchBytes>) => new RecordBatch(batchBytes(...args), decompress)

function recordsFrom(of: RecordBatch, from: bigint): LogRecord[] {
  const records: LogRecord[] = []
  for (let nth = of.find(from); nth < of.count; nth++) records.push(of.record(tp, nth))
  return records
}

const offsets = (of: RecordBatch, from: bigint) => recordsFrom(of, from).map(({ offset }) => offset)

describe('a batch', () => {
  it('gives its records from any offset on, also from one that compaction took', () => {
    const compacted = batch(10n, [0, 3, 4, 7], { lastDelta: 9 })
    expect(offsets(compacted, 0n)).toEqual([10n, 13n, 14n, 17n])
    expect(offsets(compacted, 11n)).toEqual([13n, 14n, 17n])
    expect(offsets(compacted, 14n)).toEqual([14n, 17n])
    expect(offsets(compacted, 18n)).toEqual([])
    expect(compacted.next).toBe(20n)
  })

  it.each([undefined, 'gzip', 'snappy', 'lz4'] as const)(
    'gives each record as it was sent (%s)',
    compression => {
      const headers = [
        ['ce_id', 'é1'],
        ['', 'without a name'],
        ['__proto__', 'a name like any other'],
      ] as const
      const sent = batch(7n, [0, 1, 300], { key: 'ada', value: 'x'.repeat(500), headers, compression })
      expect(recordsFrom(sent, 307n)).toEqual([
        {
          ...tp,
          offset: 307n,
          key: 'ada',
          value: bytes('x'.repeat(500)),
          headers: Object.fromEntries(headers),
          timestamp: FIRST_TIME + 300,
        },
      ])
    },
  )

  it('gives each record its own headers, in whatever order they are asked for', () => {
    const headersOf = (delta: number) => {
      const id = ['ce_id', `id-${delta}`] as const
      return delta % 2 === 0 ? [['ce_type', 'moved'] as const, id] : [id, ['ce_kind', 'moved'] as const]
    }
    const deltas = Array.from({ length: 10 }, (_, i) => i)
    const sent = batch(0n, deltas, { headers: headersOf })
    for (const delta of [...deltas, ...deltas.toReversed()])
      expect(sent.record(tp, delta).headers).toEqual(Object.fromEntries(headersOf(delta)))
  })

  it('tells no key and no value from empty ones', () => {
    expect(recordsFrom(batch(0n, [0], { value: undefined }), 0n)).toMatchObject([
      { key: undefined, value: null },
    ])
    const [empty] = recordsFrom(batch(0n, [0], { key: '', value: '' }), 0n)
    expect(empty).toMatchObject({ key: '', value: bytes('') })
  })

  it('has the time of each record, or of the batch where the broker stamps', () => {
    const times = (attributes: number) =>
      recordsFrom(batch(0n, [0, 5], { attributes }), 0n).map(r => r.timestamp)
    expect(times(0)).toEqual([FIRST_TIME, FIRST_TIME + 5])
    expect(times(0b1000)).toEqual([LATEST_TIME, LATEST_TIME])
  })

  it('says how many bytes each record has', () => {
    const small = batch(0n, [0, 1])
    const large = batch(0n, [0, 1], { value: 'x'.repeat(1_000) })
    for (const nth of [0, 1]) expect(large.bytesOf(nth) - small.bytesOf(nth)).toBeGreaterThanOrEqual(999)
  })

  it('gives values that nobody else writes into', () => {
    const shared = batch(0n, [0])
    shared.record(tp, 0).value?.fill(0)
    expect(shared.record(tp, 0).value).toEqual(bytes('v'))
  })

  it('is refused whichever of its bytes is not what was sent, but for those that a broker sets', () => {
    const sent = batchBytes(0n, [0, 1, 2], { key: 'k' })
    for (let at = 16; at < sent.length; at++) {
      const damaged = Buffer.from(sent)
      damaged.writeUInt8((damaged[at] ?? 0) ^ 0x10, at)
      expect(() => new RecordBatch(damaged, decompress), `byte ${at}`).toThrow(DamagedBatch)
    }
  })

  it('is refused when its producer counted more records than there are', () => {
    const more = batchBytes(0n, [0, 1])
    more.writeInt32BE(3, 57)
    more.writeUInt32BE(crc32c(more.subarray(21)), 17)
    expect(() => new RecordBatch(more, decompress).find(0n)).toThrow(DamagedBatch)
  })
})

describe('the batches of an answer', () => {
  it('end before one that is not whole', () => {
    const whole = [batchBytes(0n, [0, 1]), batchBytes(2n, [0])]
    const cut = batchBytes(3n, [0, 1]).subarray(0, -1)
    const found = batchesIn(Buffer.concat([...whole, cut]), decompress)
    expect(found.map(({ first, next }) => [first, next])).toEqual([
      [0n, 2n],
      [2n, 3n],
    ])
    expect(batchesIn(cut.subarray(0, 5), decompress)).toEqual([])
  })

  it('are refused when one says that it is shorter than its head', () => {
    const bytes = batchBytes(0n, [0])
    bytes.writeInt32BE(3, 8)
    expect(() => batchesIn(bytes, decompress)).toThrow(DamagedBatch)
  })
})
