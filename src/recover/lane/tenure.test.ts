import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offset, seededRandom, type Offset } from '../../event/index.ts'
import {
  COPY_FORWARD_AT,
  decodeNote,
  encodeNote,
  newTenureId,
  noteWithout,
  tenureAt,
  withoutEnded,
  type Tenure,
} from './tenure.ts'

const place: fc.Arbitrary<Offset> = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(offset)
const id = fc.integer().map(seed => newTenureId(seededRandom(seed)))
const tenure: fc.Arbitrary<Tenure> = fc.record({ id, fence: place, main: place, released: fc.boolean() })
const largest = offset(2n ** 63n - 1n)
const at = (fence: number): Tenure => ({
  id: `t${fence}`,
  fence: offset(fence),
  main: offset(0),
  released: false,
})

describe('tenures', () => {
  it('come back from the note of a commit as they were', () => {
    fc.assert(
      fc.property(place, fc.array(tenure, { maxLength: COPY_FORWARD_AT }), (lane, tenures) => {
        expect(decodeNote(encodeNote({ lane, tenures }), 'here')).toEqual({ lane, tenures })
      }),
    )
  })

  it('fit into the 4 KB of a note until long after the owner copies its entries forward', () => {
    const one = { id: newTenureId(seededRandom(1)), fence: largest, main: largest, released: true }
    const note = (count: number): string =>
      encodeNote({ lane: largest, tenures: Array.from({ length: count }, () => one) })
    expect(note(COPY_FORWARD_AT + 8).length).toBeLessThanOrEqual(4096)
    expect(() => note(100)).toThrow('100 processes took the partition over')
  })

  it('are never the same twice, and read from random bits only', () => {
    const random = seededRandom(1)
    const ids = Array.from({ length: 1_000 }, () => newTenureId(random))
    expect(new Set(ids).size).toBe(1_000)
    expect(ids[0]).toMatch(/^[\w-]{22}$/)
  })

  it('own the stretch from their fence up to the next one', () => {
    const tenures = [at(5), at(9), at(20)]
    const owners = [4, 5, 8, 9, 19, 20, 99].map(position => tenureAt(tenures, offset(position))?.id)
    expect(owners).toEqual([undefined, 't5', 't5', 't9', 't9', 't20', 't20'])
  })

  it('that stand for a lost note are forgotten as soon as nothing of it is left in the lane', () => {
    const { lane, tenures } = noteWithout(offset(3), offset(7))
    expect(decodeNote(encodeNote({ lane, tenures }), 'here')).toEqual({ lane, tenures })
    const left = (own: number, lane: number): readonly string[] =>
      withoutEnded([...tenures, at(own)], offset(lane)).map(one => one.id)
    expect(left(9, 3)).toHaveLength(2)
    expect(left(9, 9)).toEqual(['t9'])
    expect(left(3, 3)).toEqual(['t3'])
  })

  it('are forgotten when their stretch lies below where the lane is done, the last four excepted', () => {
    const tenures = [10, 20, 30, 40, 50, 60, 70].map(at)
    const left = (lane: number): readonly string[] => withoutEnded(tenures, offset(lane)).map(one => one.id)
    expect(left(19)).toEqual(['t10', 't20', 't30', 't40', 't50', 't60', 't70'])
    expect(left(20)).toEqual(['t20', 't30', 't40', 't50', 't60', 't70'])
    expect(left(35)).toEqual(['t30', 't40', 't50', 't60', 't70'])
    expect(left(99)).toEqual(['t40', 't50', 't60', 't70'])
  })

  it.each(['', '1', '1 a b', '1 a b.c', '1 a b.c.d.x', '1 a b.c.d.r.r', '1 ! b.c.d', 'x a', '1 a .c.d'])(
    'are not guessed from a damaged note: %j',
    note => {
      expect(() => decodeNote(note, 'orders/3')).toThrow(
        expect.objectContaining({
          code: 'LOG_CORRUPT',
          detail: expect.stringContaining('note of orders/3') as unknown,
        }),
      )
    },
  )

  it('refuse a note of a newer version', () => {
    expect(() => decodeNote('2 a', 'orders/3')).toThrow(
      expect.objectContaining({
        code: 'LOG_VERSION',
        detail: 'the note of orders/3 has format 2, known up to 1',
      }),
    )
  })
})
