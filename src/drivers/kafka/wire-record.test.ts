import { describe, expect, it } from 'vitest'
import { decode } from './wire-record.ts'

type Batches = NonNullable<Parameters<typeof decode>[1]>
const tp = { topic: 'orders', partition: 3 }

/** A batch as the client reads it, with records at these offsets behind the first. */
function batch(
  firstOffset: bigint,
  deltas: readonly number[],
  more: Partial<Batches[number]> = {},
): Batches[number] {
  const record = { length: 0, attributes: 0, key: null, value: Buffer.from('v'), headers: [] }
  return {
    firstOffset,
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: Math.max(...deltas),
    firstTimestamp: 1_000n,
    maxTimestamp: 9_000n,
    producerId: -1n,
    producerEpoch: -1,
    firstSequence: -1,
    records: deltas.map(delta => ({ ...record, offsetDelta: delta, timestampDelta: BigInt(delta) })),
    ...more,
  }
}

const offsets = (batches: Batches, from: bigint) =>
  decode(tp, batches, from).records.map(({ offset }) => offset)

describe('what was fetched', () => {
  it('leaves out records below the position: batches come whole', () => {
    expect(offsets([batch(10n, [0, 1, 2, 3])], 12n)).toEqual([12n, 13n])
  })

  it('reads on after the last batch, over gaps and marks of transactions', () => {
    const marks = batch(20n, [0], { attributes: 0b10_0000 })
    const compacted = batch(14n, [1], { lastOffsetDelta: 4 })
    const { records, next } = decode(tp, [batch(10n, [0, 3]), compacted, marks], 10n)
    expect(records.map(({ offset }) => offset)).toEqual([10n, 13n, 15n])
    expect(next).toBe(21n)
  })

  it('stays where it is when nothing came', () => {
    expect(decode(tp, null, 7n)).toEqual({ records: [], next: 7n })
  })

  it('has the time of each record, or of the batch where the broker stamps', () => {
    const times = (attributes: number) =>
      decode(tp, [batch(0n, [0, 5], { attributes })], 0n).records.map(({ timestamp }) => timestamp)
    expect(times(0)).toEqual([1_000, 1_005])
    expect(times(0b1000)).toEqual([9_000, 9_000])
  })

  it('takes records of others: without names or values of headers, and with keys that are no text', () => {
    const foreign = batch(0n, [0])
    const [record] = foreign.records
    if (record)
      record.headers = [
        [Buffer.from('a'), null],
        [null, Buffer.from('b')],
      ]
    expect(decode(tp, [foreign], 0n).records[0]?.headers).toEqual({ a: '', '': 'b' })
  })
})
