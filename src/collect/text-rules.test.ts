import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attributeFault, idFault, poisonsObjects, unstorableEscape } from './text-rules.ts'

const poisonous = (text: string): boolean => poisonsObjects(JSON.parse(text), text)

describe('unstorableEscape', () => {
  it('hazard 8: finds in the bytes what a walk of the parsed strings finds', () => {
    const unit = fc.oneof(
      fc.constantFrom('\u0000', '\ud83d', '\ude00', '😀', '\\', '"', 'u0000', '\n'),
      fc.string({ minLength: 1, maxLength: 1 }),
    )
    let found = 0
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 8 }), fc.boolean(), (text, escapeAll) => {
        const json = escapeAll ? escaped(text) : JSON.stringify(text)
        const bad = text.includes('\u0000') || !text.isWellFormed()
        expect(unstorableEscape(Buffer.from(json)) !== undefined).toBe(bad)
        if (bad) found++
      }),
      { numRuns: 3000 },
    )
    expect(found).toBeGreaterThan(300)
  })

  it('is not fooled by an escaped backslash before u0000', () => {
    expect(unstorableEscape(Buffer.from('"\\\\u0000"'))).toBeUndefined()
    expect(unstorableEscape(Buffer.from('"\\\\\\u0000"'))).toBe('nul')
    expect(unstorableEscape(Buffer.from('"\\ud83d\\u0041"'))).toBe('lone surrogate')
  })
})

describe('poisonsObjects', () => {
  it.each([
    '{"__proto__":1}',
    '{"a":[{"b":{"__proto__":{"admin":true}}}]}',
    '{"\\u005f_proto__":1}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '{"constructor":{"\\u0070rototype":1}}',
    '{"\\u0063onstructor":{"prototype":1}}',
  ])('hazard S8: refuses %s', text => {
    expect(poisonous(text)).toBe(true)
  })

  it.each(['{"constructor":"Acme"}', '{"prototype":1}', '{"a":"__proto__"}', '{"a":"\\u0041"}', '[]', '1'])(
    'takes %s, which poisons nothing',
    text => {
      expect(poisonous(text)).toBe(false)
    },
  )
})

describe('idFault', () => {
  it.each([
    'undefined',
    'null',
    'NaN',
    '[object Object]',
    ' undefined ',
    '',
    ' a',
    'a\r\nb',
    'a\u0000',
    '\ud800',
    'x'.repeat(129),
  ])('refuses %j', id => {
    expect(idFault(id)).toBeTypeOf('string')
  })

  it.each(['0', 'a b', 'nullable', 'Ω', 'x'.repeat(128), '018f3c1e-7a1b-7000-8000-000000000000'])(
    'takes %j',
    id => {
      expect(idFault(id)).toBeUndefined()
    },
  )
})

describe('attributeFault', () => {
  it('hazard S6: refuses what would break out of a header', () => {
    for (const text of ['a\r\nhf-at: 1', 'a\u0000', '\u0085', '\udc00', '', 'xxxx'])
      expect(attributeFault(text, 3)).toBeTypeOf('string')
    expect(attributeFault('é/1', 3)).toBeUndefined()
  })
})

/** Every UTF-16 unit as an escape. */
function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) =>
    text.charCodeAt(i).toString(16).padStart(4, '0'),
  )
  return `"${units.map((unit, i) => `\\u${i % 2 ? unit.toUpperCase() : unit}`).join('')}"`
}
