import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHoldfastError, offset, type Offset } from '../event/index.ts'
import { watermark, type Delivery } from './watermark.ts'

function recordAt(at: number | bigint): { offset: Offset; timestamp: number } {
  return { offset: offset(at), timestamp: Number(at) * 1_000 }
}

describe('watermark', () => {
  it('hazard 33: never commits past the first record without an outcome, in whatever order they finish', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        (gaps, choices) => {
          const start = offset(7)
          const mark = watermark(start)
          const open: Delivery[] = []
          let at = 7n
          let last = start
          for (const gap of gaps) {
            at += BigInt(gap)
            open.push(mark.delivered(recordAt(at)))
            // Some of them are finished before the log said what comes behind them.
            const readUpTo = (choices.next().value ?? 0) % 2 === 0 ? at + 1n : at
            if (readUpTo > at) mark.readUpTo(offset(readUpTo))
            // Finish some of the open ones, any of them.
            for (let n = (choices.next().value ?? 0) % 3; n > 0 && open.length > 0; n--) {
              for (const done of open.splice((choices.next().value ?? 0) % open.length, 1))
                mark.completed(done)
            }
            const offsets = open.map(delivery => delivery.offset)
            const expected = offsets.length > 0 ? offsets.reduce((a, b) => (a < b ? a : b)) : readUpTo
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

  it('counts what a crash would deliver again, and knows the oldest', () => {
    const mark = watermark(offset(0))
    const all = Array.from({ length: 1_000 }, (_, i) => mark.delivered(recordAt(i)))
    for (const delivery of all.slice(1)) mark.completed(delivery)
    expect([mark.span, mark.unfinished, mark.oldestTime]).toEqual([1_000, 1, 0])
    for (const delivery of all.slice(0, 1)) mark.completed(delivery)
    expect([mark.span, mark.unfinished, mark.oldestTime]).toEqual([0, 0, undefined])
    mark.delivered(recordAt(1_000))
    expect([mark.span, mark.commitable, mark.oldestTime]).toEqual([1, 1_000n, 1_000_000])
  })

  it('follows the log over gaps instead of counting', () => {
    const mark = watermark(offset(0))
    const delivery = mark.delivered(recordAt(3))
    mark.readUpTo(offset(900))
    mark.completed(delivery)
    expect(mark.commitable).toBe(900n)
  })

  it('refuses a record that is finished twice, one that comes again, and a log that goes back', () => {
    const mark = watermark(offset(5))
    const delivery = mark.delivered(recordAt(5))
    mark.completed(delivery)
    const broken = [
      () => mark.completed(delivery),
      () => mark.delivered(recordAt(5)),
      () => mark.readUpTo(offset(5)),
    ]
    for (const breaks of broken) {
      expect(breaks).toThrowError(expect.objectContaining({ code: 'INTERNAL' }))
    }
    expect(isHoldfastError(new Error('x'))).toBe(false)
  })
})
