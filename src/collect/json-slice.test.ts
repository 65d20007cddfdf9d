import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sliceDocument, sliceMember, type Span } from './json-slice.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8')
const textAt = (bytes: Buffer, span: Span): string => bytes.toString('utf8', span.start, span.end)

/** White space, JSON strings with some characters escaped, and the numbers that a parser would change. */
const space = fc.stringMatching(/^[ \n\r\t]{0,2}$/)
const stringText = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', 'é', '💥', '\u0000', '\ud800'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    maxLength: 6,
  })
  .chain(text =>
    fc
      .boolean()
      .map(escapeAll =>
        escapeAll
          ? `"${[...Array(text.length).keys()].map(i => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
          : JSON.stringify(text),
      ),
  )
const numberText = fc.constantFrom('0', '-1', '1.10', '12345678901234567890', '1e400', '1E-7')

/** JSON texts written by hand, with space everywhere and repeated names. */
const { valueText } = fc.letrec<{ valueText: string }>(tie => ({
  valueText: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(numberText, stringText, fc.constantFrom('true', 'false', 'null')),
    fc
      .tuple(fc.array(fc.tuple(space, tie('valueText'), space), { maxLength: 4 }), space)
      .map(([items, empty]) => `[${items.length === 0 ? empty : items.map(i => i.join('')).join(',')}]`),
    fc
      .tuple(
        fc.array(
          fc.tuple(
            space,
            fc.oneof(stringText, fc.constantFrom('"data"', '"\\u0064ata"', '"type"')),
            space,
            fc.constant(':'),
            space,
            tie('valueText'),
            space,
          ),
          { maxLength: 4 },
        ),
        space,
      )
      .map(
        ([members, empty]) => `{${members.length === 0 ? empty : members.map(m => m.join('')).join(',')}}`,
      ),
  ),
}))

const document = fc.tuple(space, valueText, space).map(parts => parts.join(''))

describe('sliceDocument', () => {
  it('gives spans that together are what JSON.parse reads', () => {
    fc.assert(
      fc.property(document, text => {
        const bytes = bytesOf(text)
        const sliced = sliceDocument(bytes, 1000)
        const whole: unknown = JSON.parse(text)
        if (sliced.kind === 'one') expect(JSON.parse(textAt(bytes, sliced.span))).toEqual(whole)
        else if (sliced.kind === 'many')
          expect(sliced.spans.map(s => JSON.parse(textAt(bytes, s)))).toEqual(whole)
        else expect.unreachable(`${sliced.kind}: ${text}`)
      }),
      { numRuns: 2000 },
    )
  })

  it('accepts, with JSON.parse on each span, exactly the texts that JSON.parse accepts', () => {
    const damaged = fc
      .tuple(
        document,
        fc.nat(),
        fc.constantFrom('', ',', ']', '}', '[', '{', '"', ':', 'x', '1', '\\', ' '),
        fc.nat(2),
      )
      .map(([text, at, insert, drop]) => {
        const place = text.length === 0 ? 0 : at % text.length
        return text.slice(0, place) + insert + text.slice(place + drop)
      })
    let refused = 0
    fc.assert(
      fc.property(damaged, text => {
        const bytes = bytesOf(text)
        const sliced = sliceDocument(bytes, 1000)
        const spans =
          sliced.kind === 'one' ? [sliced.span] : sliced.kind === 'many' ? sliced.spans : undefined
        const accepted = spans !== undefined && spans.every(s => parses(textAt(bytes, s)))
        // toString replaces lone surrogates; what the bytes say is what counts.
        expect(accepted).toBe(parses(bytes.toString('utf8')))
        if (!accepted) refused++
      }),
      { numRuns: 5000 },
    )
    expect(refused).toBeGreaterThan(500)
  })

  it('measures how deep a value nests', () => {
    expect(depthOf('1')).toBe(0)
    expect(depthOf('{}')).toBe(1)
    expect(depthOf('{"a":[[]],"b":{}}')).toBe(3)
    expect(depthOf(`{"a":"[[[[[["}`)).toBe(1)
    expect(depthOf(`{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`)).toBe(1_000_001)
  })

  it('stops counting elements at the limit', () => {
    expect(sliceDocument(bytesOf('[1,2,3]'), 3).kind).toBe('many')
    expect(sliceDocument(bytesOf('[1,2,3,4]'), 3).kind).toBe('too-many')
  })

  it('looks past a byte order mark', () => {
    expect(sliceDocument(bytesOf('\ufeff{"a":1}'), 1)).toEqual({
      kind: 'one',
      span: { start: 3, end: 10, depth: 1 },
    })
  })
})

describe('sliceMember', () => {
  it('finds the bytes of the member that JSON.parse reads, the last of repeated ones', () => {
    let found = 0
    fc.assert(
      fc.property(document, text => {
        const bytes = bytesOf(text)
        const sliced = sliceDocument(bytes, 1000)
        const whole: unknown = JSON.parse(text)
        if (sliced.kind !== 'one' || typeof whole !== 'object' || whole === null) return
        const span = sliceMember(bytes, sliced.span, 'data')
        expect(span !== undefined).toBe(Object.hasOwn(whole, 'data'))
        if (!span) return
        found++
        expect(JSON.parse(textAt(bytes, span))).toEqual((whole as Record<string, unknown>)['data'])
      }),
      { numRuns: 3000 },
    )
    expect(found).toBeGreaterThan(50)
  })

  it('keeps what a parser would change', () => {
    const data = '{ "n": 12345678901234567890, "p": 1.10, "p": 1e400 }'
    const bytes = bytesOf(`{"type":"t","data" : ${data} ,"id":"x"}`)
    const sliced = sliceDocument(bytes, 1)
    const span = sliced.kind === 'one' ? sliceMember(bytes, sliced.span, 'data') : undefined
    expect(span && textAt(bytes, span)).toBe(data)
  })
})

function depthOf(text: string): number {
  const sliced = sliceDocument(bytesOf(text), 10)
  return sliced.kind === 'one' ? sliced.span.depth : -1
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
