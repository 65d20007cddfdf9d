import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../../event/index.ts'
import { chain, chunkHolding } from './chain.ts'
import { encodeChunk, encodeRecord, type ChunkHead } from './chunk.ts'
import type { StorageView, StoredChunk } from './storage.ts'
import type { Tail } from './tail.ts'

const place = { topicId: 7, partition: 1 }
const bytes = (head: Partial<ChunkHead> & { base: bigint }, count = 2): Uint8Array =>
  encodeChunk(
    { ...place, previous: undefined, timestamp: 5, ...head },
    Array.from({ length: count }, () => encodeRecord({ value: Buffer.from('x'), headers: {} })),
  )

/** Four chunks of two records: 0–1, 2–3, 4–5, 6–7. */
const whole: readonly StoredChunk[] = [0n, 2n, 4n, 6n].map(base => ({
  base,
  bytes: bytes({ base, previous: base === 0n ? undefined : base - 2n }),
}))
const tail: Tail = { start: 0n, end: 8n, last: 6n, timestamp: 5, bytes: 0 }

/** What LMDB would give of these chunks. */
function viewOf(chunks: readonly StoredChunk[]): Pick<StorageView, 'chunkAt' | 'chunks'> {
  return {
    chunkAt: (_place, at) => chunks.findLast(({ base }) => base <= at),
    chunks: (_place, from) => chunks.filter(({ base }) => base >= from),
  }
}

function read(chunks: readonly StoredChunk[], from = 0n, of: Tail = tail): string {
  const bases: bigint[] = []
  try {
    for (const { base } of chain(viewOf(chunks) as StorageView, place, of, from)) bases.push(base)
  } catch (error) {
    if (!isHoldfastError(error, 'LOG_CORRUPT')) throw error
    return `${bases.join()} then corrupt`
  }
  return bases.join()
}

const without = (base: bigint): readonly StoredChunk[] => whole.filter(chunk => chunk.base !== base)
const changed = (base: bigint, change: Uint8Array): readonly StoredChunk[] =>
  whole.map(chunk => (chunk.base === base ? { base, bytes: change } : chunk))

describe('chain', () => {
  it('gives every chunk from the one that holds the offset up to the end', () => {
    expect(read(whole)).toBe('0,2,4,6')
    expect(read(whole, 3n)).toBe('2,4,6')
    expect(read(whole, 7n)).toBe('6')
    expect(read(whole, 8n)).toBe('')
    expect(read(whole.slice(2), 4n, { ...tail, start: 4n })).toBe('4,6')
  })

  it('hazard 15: takes a chunk that is missing, wherever, for damage and never for the end', () => {
    expect(read(without(0n))).toBe(' then corrupt')
    expect(read(without(2n))).toBe('0 then corrupt')
    expect(read(without(2n), 3n)).toBe(' then corrupt')
    expect(read(without(6n))).toBe('0,2,4 then corrupt')
    expect(read([])).toBe(' then corrupt')
    expect(read(whole, 0n, { ...tail, end: 10n, last: 8n })).toBe('0,2,4,6 then corrupt')
  })

  it('refuses a chunk that does not follow on the one before, or is of another place', () => {
    expect(read(changed(4n, bytes({ base: 4n, previous: 0n })))).toBe('0,2 then corrupt')
    expect(read(changed(4n, bytes({ base: 2n, previous: 0n })))).toBe('0,2 then corrupt')
    expect(read(changed(4n, bytes({ base: 4n, previous: 2n, partition: 0 })))).toBe('0,2 then corrupt')
    expect(read(changed(4n, bytes({ base: 4n, previous: 2n, topicId: 8 })))).toBe('0,2 then corrupt')
    expect(read(changed(4n, bytes({ base: 4n, previous: 2n }, 1)))).toBe('0,2,4 then corrupt')
  })

  it('refuses what stands outside the bounds of the tail', () => {
    expect(read(whole, 0n, { ...tail, end: 6n, last: 4n })).toBe('0,2,4 then corrupt')
    expect(read(whole, 4n, { ...tail, start: 5n })).toBe(' then corrupt')
    expect(() => chunkHolding(viewOf(whole) as StorageView, place, { ...tail, end: 7n }, 6n)).toThrow(
      /offset 6/,
    )
  })
})
