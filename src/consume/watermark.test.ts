import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHoldfastError, offset } from '../event/index.ts'
import { watermark } from './watermark.ts'

describe('watermark', () => {
  it('hazard 33: never commits past the first record without an outcome, in whatever order they finish', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        (gaps, choices) => {
          const start = offset(7)
          const mark = watermark(start)
          const open: bigint[] = []
          let at = 7n
          let last = start
          for (const gap of gaps) {
            at += BigInt(gap)
            mark.delivered(offset(at))
            open.push(at)
            mark.readUpTo(offset(at + 1n))
            // Finish some of the open ones, any of them.
            for (let n = (choices.next().value ?? 0) % 3; n > 0 && open.length > 0; n--) {
              const [done] = open.splice((choices.next().value ?? 0) % open.length, 1)
              mark.completed(offset(done ?? 0))
            }
            const expected = open.length > 0 ? open.reduce((a, b) => (a < b ? a : b)) : at + 1n
            expect(mark.commitable).toBe(expected)
            // hazard 38: it never moves back.
            expect(mark.commitable >= last).toBe(true)
            last = mark.commitable
            expect(mark.unfinished).toBe(open.length)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('counts what a crash would deliver again', () => {
    const mark = watermark(offset(0))
    for (let i = 0; i < 10; i++) mark.delivered(offset(i))
    for (let i = 1; i < 10; i++) mark.completed(offset(i))
    expect(mark.span).toBe(10)
    mark.completed(offset(0))
    expect(mark.span).toBe(0)
  })

  it('follows the log over gaps instead of counting', () => {
    const mark = watermark(offset(0))
    mark.delivered(offset(3))
    mark.readUpTo(offset(900))
    mark.completed(offset(3))
    expect(mark.commitable).toBe(900n)
  })

  it('refuses a record that is finished twice, one that comes again, and a log that goes back', () => {
    const mark = watermark(offset(5))
    mark.delivered(offset(5))
    mark.completed(offset(5))
    const broken = [
      () => mark.completed(offset(5)),
      () => mark.delivered(offset(5)),
      () => mark.readUpTo(offset(4)),
    ]
    for (const breaks of broken) {
      expect(breaks).toThrowError(expect.objectContaining({ code: 'INTERNAL' }))
    }
    expect(isHoldfastError(new Error('x'))).toBe(false)
  })
})
