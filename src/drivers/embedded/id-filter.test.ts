import { expect, it } from 'vitest'
import { hashOfId, IdFilter, IdHashes } from './id-filter.ts'

function filled(ids: readonly string[]): IdFilter {
  const hashes = new IdHashes()
  for (const id of ids) {
    const bytes = Buffer.from(`..${id}..`)
    hashes.add(bytes, 2, bytes.length - 2, 0)
  }
  return new IdFilter(IdFilter.of(hashes).bytes)
}

it('never denies an id that was put in, and takes few others for one', () => {
  const ids = Array.from({ length: 30_000 }, (_, n) => `order-${n}`)
  const filter = filled(ids)
  expect(ids.filter(id => !filter.mayHold(hashOfId(id)))).toEqual([])
  const others = Array.from({ length: 30_000 }, (_, n) => `order-${n + 30_000}`)
  // 3 in 1,000 by the theory of it: ids that differ in one digit must be no worse than random ones.
  expect(others.filter(id => filter.mayHold(hashOfId(id))).length).toBeLessThan(180)
  expect(filter.bytes.length).toBe(45_000)
})

it('holds nothing when nothing was put in', () => {
  expect(filled([]).mayHold(hashOfId('a'))).toBe(false)
})

it('leaves out what stands among the last ones already', () => {
  const hashes = new IdHashes()
  const bytes = Buffer.from('aabbaa')
  hashes.add(bytes, 0, 2, 0)
  hashes.add(bytes, 2, 4, 1)
  hashes.add(bytes, 4, 6, 2)
  expect(hashes.count).toBe(2)
  hashes.add(bytes, 4, 6, 1)
  expect(hashes.count).toBe(3)
})
