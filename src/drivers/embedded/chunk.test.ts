import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHoldfastError, type NewRecord } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'
import { decodeChunk, encodeChunk, encodeRecord, HEAD_BYTES, type ChunkHead } from './chunk.ts'

const text = fc.string({ unit: 'grapheme' })
const record: fc.Arbitrary<NewRecord> = fc.record({
  key: fc.option(text, { nil: undefined }),
  value: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null }),
  headers: fc.dictionary(text, text, { noNullPrototype: true, maxKeys: 4 }),
})
const head: fc.Arbitrary<ChunkHead> = fc.record({
  topicId: fc.integer({ min: 0, max: 0xffff_ffff }),
  partition: fc.integer({ min: 0, max: 1023 }),
  base: fc.bigInt({ min: 0n, max: 2n ** 63n }),
  previous: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n }), { nil: undefined }),
  timestamp: fc.integer({ min: 0, max: 8.64e15 }),
})

const corrupt = (bytes: Uint8Array): boolean => {
  try {
    decodeChunk(bytes)
    return false
  } catch (error) {
    if (isHoldfastError(error, 'LOG_CORRUPT')) return true
    throw error
  }
}
/** A chunk whose bytes were changed by somebody who also made the sum right. */
const resealed = (bytes: Uint8Array, change: (chunk: Buffer) => void): Buffer => {
  const chunk = Buffer.from(bytes)
  change(chunk)
  chunk.writeUInt32BE(crc32c(chunk.subarray(4)), 0)
  return chunk
}
const sample = encodeChunk({ topicId: 1, partition: 2, base: 3n, previous: undefined, timestamp: 4 }, [
  encodeRecord({ key: 'key', value: Buffer.from('value'), headers: { name: 'text' } }),
])

describe('chunk', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(head, fc.array(record, { maxLength: 20 }), (head, records) => {
        const chunk = decodeChunk(encodeChunk(head, records.map(encodeRecord)))
        expect(chunk).toMatchObject({ ...head, count: records.length })
        expect(chunk.next).toBe(head.base + BigInt(records.length))
        records.forEach((record, i) => {
          expect(chunk.record('t', i)).toEqual({
            topic: 't',
            partition: head.partition,
            offset: head.base + BigInt(i),
            timestamp: head.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
          })
        })
      }),
    )
  })

  it('takes no text for the one before it because their bytes look alike', () => {
    // The code units of the first are the bytes of the second.
    const texts = ['Ã©', 'é', 'Ã©', 'e', 'e', 'f']
    const bytes = encodeChunk(
      { topicId: 1, partition: 0, base: 0n, previous: undefined, timestamp: 0 },
      texts.map(text => encodeRecord({ value: null, headers: { [text]: text } })),
    )
    const chunk = decodeChunk(bytes)
    expect(texts.map((_, i) => chunk.record('t', i).headers)).toEqual(texts.map(text => ({ [text]: text })))
  })

  it('keeps a header named __proto__ as a header', () => {
    const headers = JSON.parse('{"__proto__":"x"}') as Record<string, string>
    const bytes = encodeChunk({ topicId: 1, partition: 0, base: 0n, previous: undefined, timestamp: 0 }, [
      encodeRecord({ value: null, headers }),
    ])
    expect(Object.entries(decodeChunk(bytes).record('t', 0).headers)).toEqual([['__proto__', 'x']])
  })

  it('refuses a chunk with any one bit flipped', () => {
    fc.assert(
      fc.property(head, fc.array(record, { maxLength: 5 }), fc.nat(), (head, records, n) => {
        const bytes = encodeChunk(head, records.map(encodeRecord))
        const bit = n % (bytes.length * 8)
        bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
        expect(corrupt(bytes)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
    for (let bit = 0; bit < sample.length * 8; bit++) {
      const bytes = Buffer.from(sample)
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      expect(corrupt(bytes)).toBe(true)
    }
  })

  it('refuses a chunk that is cut short or has more at its end', () => {
    for (let end = 0; end < sample.length; end++) expect(corrupt(sample.subarray(0, end))).toBe(true)
    expect(corrupt(Buffer.concat([sample, Buffer.alloc(1)]))).toBe(true)
  })

  it('hazard 20: believes no size and no count within a chunk, whatever its sum says', () => {
    const hostile = [
      resealed(sample, chunk => chunk.writeUInt32BE(0x8000_0000, 8)),
      resealed(sample, chunk => chunk.writeUInt32BE(0xffff_ffff, 44)),
      resealed(sample, chunk => chunk.fill(0xff, HEAD_BYTES, HEAD_BYTES + 4)),
      resealed(sample, chunk => chunk.writeUInt8(0, HEAD_BYTES)),
      resealed(sample, chunk => chunk.writeUInt8(9, 4)),
    ]
    for (const bytes of hostile) expect(corrupt(bytes)).toBe(true)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: HEAD_BYTES, maxLength: 200 }), noise => {
        const bytes = resealed(noise, chunk => {
          chunk.writeUInt32BE(1 << 24, 4)
          chunk.writeUInt32BE(chunk.length, 8)
        })
        try {
          const chunk = decodeChunk(bytes)
          for (let i = 0; i < chunk.count; i++) chunk.record('t', i)
        } catch (error) {
          expect(isHoldfastError(error, 'LOG_CORRUPT')).toBe(true)
        }
      }),
    )
  })
})
