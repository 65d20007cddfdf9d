import { describe, expect, it } from 'vitest'
import { minuteOf, Tally } from './tally.ts'

describe('a tally', () => {
  it('writes each row once, with all its counts added up', () => {
    const tally = new Tally<[string, string]>()
    tally.add(['t1', 'c2'], 1, 0)
    tally.add(['t1', 'c1'], 1, 1)
    tally.add(['t1', 'c2'], 1, 1)
    expect(tally.columns()).toEqual([
      ['t1', 't1'],
      ['c1', 'c2'],
      [1, 2],
      [1, 1],
    ])
  })

  it('gives the rows in one order, whatever order the events came in', () => {
    const rows: [string][] = [['b'], ['a'], ['c']]
    const one = new Tally<[string]>()
    const other = new Tally<[string]>()
    for (const row of rows) one.add(row, 1)
    for (const row of rows.toReversed()) other.add(row, 1)
    expect(one.columns()).toEqual(other.columns())
  })

  it('keeps rows apart whose parts only look alike when joined', () => {
    const tally = new Tally<[string, string]>()
    tally.add(['a/b', 'c'], 1)
    tally.add(['a', 'b/c'], 1)
    expect(tally.columns()[2]).toEqual([1, 1])
  })
})

it('a minute begins at its full minute', () => {
  expect(minuteOf(new Date('2026-11-21T12:03:59.999Z')).toISOString()).toBe('2026-11-21T12:03:00.000Z')
})
