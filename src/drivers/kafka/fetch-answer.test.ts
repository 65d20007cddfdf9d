import * as client from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { batchBytes, decompress } from '../../../test/support/kafka-bytes.ts'
import { fetchAnswer, type Fetched } from './fetch-answer.ts'

const ID = '01234567-89ab-cdef-0123-456789abcdef'
/** Of the protocol, without those that no broker of today speaks. */
const versions = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]

interface Partition {
  readonly index: number
  readonly errorCode?: number
  readonly records?: Buffer | null
  readonly aborted?: readonly (readonly [producerId: bigint, first: bigint])[]
}

/** An answer as a broker writes it. */
function answerBytes(version: number, partitions: readonly Partition[], errorCode = 0): Buffer {
  const isCompact = version >= 12
  const writer = client.Writer.create().appendInt32(0)
  if (version >= 7) writer.appendInt16(errorCode).appendInt32(0)
  const count = (of: number): unknown =>
    isCompact ? writer.appendUnsignedVarInt(of + 1) : writer.appendInt32(of)
  const tags = (): unknown => isCompact && writer.appendUnsignedVarInt(0)
  count(1)
  if (version >= 13) writer.appendUUID(ID)
  else writer.appendString('orders', isCompact)
  count(partitions.length)
  for (const { index, errorCode = 0, records = Buffer.alloc(0), aborted = [] } of partitions) {
    writer.appendInt32(index).appendInt16(errorCode).appendInt64(90n).appendInt64(80n)
    if (version >= 5) writer.appendInt64(5n)
    count(aborted.length)
    for (const [producerId, first] of aborted) {
      writer.appendInt64(producerId).appendInt64(first)
      tags()
    }
    if (version >= 11) writer.appendInt32(-1)
    count(records?.length ?? -1)
    if (records?.length) writer.append(records)
    tags()
  }
  tags()
  tags()
  return writer.buffer
}

interface Parser {
  parseResponse(id: number, key: number, version: number, reader: client.Reader): TheirAnswer
}
interface TheirAnswer {
  readonly responses: readonly {
    readonly topicId?: string
    readonly topic?: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly logStartOffset?: bigint
      readonly records:
        readonly { readonly firstOffset: bigint; readonly records: readonly unknown[] }[] | null
    }[]
  }[]
}

describe('the answer to a fetch', () => {
  it.each(versions)('is read in version %i as the client reads it', version => {
    const records = Buffer.concat([batchBytes(7n, [0, 1, 2]), batchBytes(10n, [0], { compression: 'gzip' })])
    const partitions: Partition[] = [
      { index: 3, records },
      { index: 4, records: null },
      { index: 5, aborted: [[1n, 2n]] },
    ]
    const bytes = answerBytes(version, partitions)
    const theirs = (client as unknown as Record<string, Parser>)[`fetchV${version}`]?.parseResponse(
      0,
      1,
      version,
      client.Reader.from(bytes),
    )
    const ours = fetchAnswer(bytes, version, decompress)
    const [topic] = theirs?.responses ?? []
    const name = topic?.topicId ?? topic?.topic
    expect([...ours.partitions.keys()]).toEqual(topic?.partitions.map(one => `${name}/${one.partitionIndex}`))
    expect(ours.errorCode).toBe(0)
    for (const one of topic?.partitions ?? []) {
      const got = ours.partitions.get(`${name}/${one.partitionIndex}`) as Fetched
      const { batches, logStart, end } = got
      expect(batches.map(({ first, count }) => [first, count])).toEqual(
        (one.records ?? []).map(({ firstOffset, records }) => [firstOffset, records.length]),
      )
      expect(end).toBe(80n)
      // Not told before: nothing is known to be deleted.
      expect(logStart).toBe(version < 5 ? 0n : one.logStartOffset)
    }
  })

  it('tells the error of the whole, that of a partition, and damage, without losing what came beside them', () => {
    const damaged = batchBytes(0n, [0])
    damaged.writeUInt8(1, 30)
    const good = batchBytes(7n, [0])
    const bytes = answerBytes(17, [
      { index: 0, errorCode: 1 },
      { index: 1, records: damaged },
      { index: 2, records: good },
    ])
    const { partitions } = fetchAnswer(bytes, 17, decompress)
    expect(partitions.get(`${ID}/0`)).toEqual({ errorCode: 1 })
    expect(partitions.get(`${ID}/1`)).toMatchObject({ error: { apiId: 'CORRUPT_MESSAGE' } })
    expect(partitions.get(`${ID}/2`)).toMatchObject({ next: 8n })
    expect(fetchAnswer(answerBytes(17, [], 70), 17, decompress).errorCode).toBe(70)
  })

  it('leaves out marks of transactions, and the events of those that were aborted', () => {
    const of = (producerId: bigint) => ({ producerId, attributes: 0b1_0000 })
    const mark = (producerId: bigint) => ({ producerId, attributes: 0b11_0000 })
    const records = Buffer.concat([
      batchBytes(0n, [0], of(1n)), // aborted
      batchBytes(1n, [0], of(2n)),
      batchBytes(2n, [0]),
      batchBytes(3n, [0], mark(1n)),
      batchBytes(4n, [0], of(1n)), // of its next transaction
      batchBytes(5n, [0], mark(2n)),
      batchBytes(6n, [0], of(2n)), // aborted
      batchBytes(7n, [0], mark(1n)),
    ])
    const aborted = [
      [2n, 6n],
      [1n, 0n],
    ] as const
    const { partitions } = fetchAnswer(answerBytes(17, [{ index: 0, records, aborted }]), 17, decompress)
    const { batches, next } = partitions.get(`${ID}/0`) as Fetched
    expect(batches.map(({ first }) => first)).toEqual([1n, 2n, 4n])
    expect(next).toBe(8n)
  })
})
