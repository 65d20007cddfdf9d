import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lineSplitter, type Line } from './lines.ts'

const shown = (line: Line): string => (line.kind === 'line' ? line.bytes.toString() : '(too long)')

describe('lineSplitter', () => {
  it('gives the lines of the text, wherever it was cut, and passes over the long ones', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é'), maxLength: 40 })
    let long = 0
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 5 }), (given, cuts) => {
        const bytes = Buffer.from(given)
        const splitter = lineSplitter(6)
        const seen: Line[] = []
        let from = 0
        for (const cut of cuts.map(at => at % (bytes.length + 1)).toSorted((x, y) => x - y)) {
          seen.push(...splitter.push(bytes.subarray(from, cut)))
          from = cut
        }
        seen.push(...splitter.push(bytes.subarray(from)))
        const rest = splitter.rest()
        const all = given.split('\n')
        const expected = all.map(line => (Buffer.byteLength(line) > 6 ? '(too long)' : line))
        if (expected.at(-1) === '') expected.pop()
        expect([...seen, ...(rest ? [rest] : [])].map(shown)).toEqual(expected)
        if (expected.includes('(too long)')) long++
      }),
      { numRuns: 2000 },
    )
    expect(long).toBeGreaterThan(100)
  })
})
