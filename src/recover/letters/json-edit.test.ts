import { describe, expect, it } from 'vitest'
import { editJson, mergePatch } from './json-edit.ts'

describe('an edit of JSON', () => {
  it('keeps numbers that nobody touched as they were sent', () => {
    const text = '{"id":12345678901234567890,"price":1.10,"lines":[{"n":1e2,"sku":"a"}],"gone":1}'
    const edited = editJson(text, data => {
      const { gone: _, ...rest } = data as Record<string, unknown>
      return { ...rest, note: 'x' }
    })
    expect(edited).toBe('{"id":12345678901234567890,"price":1.10,"lines":[{"n":1e2,"sku":"a"}],"note":"x"}')
  })

  it('writes a number that was changed as the new one', () => {
    expect(editJson('{"a":1.10,"b":[1.0,2.0]}', () => ({ a: 1.2, b: [1, 3, 4] }))).toBe(
      '{"a":1.2,"b":[1.0,3,4]}',
    )
  })

  it('takes parts of another shape in place of what was there', () => {
    expect(editJson('{"a":1.0}', () => ({ a: { b: [1, { c: 2 }] }, d: 'x' }))).toBe(
      '{"a":{"b":[1,{"c":2}]},"d":"x"}',
    )
    expect(editJson('[1.0]', () => 'text')).toBe('"text"')
    expect(editJson('1.0', data => data)).toBe('1.0')
  })

  it('begins with nothing where the bytes were no JSON', () => {
    expect(editJson(undefined, data => mergePatch(data, { a: 1 }))).toBe('{"a":1}')
    expect(editJson(undefined, () => undefined)).toBeUndefined()
  })
})

describe('a merge patch', () => {
  // The examples of RFC 7396, appendix A.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('%s with %s is %s', (data, patch, result) => {
    expect(JSON.stringify(mergePatch(JSON.parse(data), JSON.parse(patch)))).toBe(result)
  })

  it('takes __proto__ for a name like any other', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"a":1}}'))
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"a":1}}')
    expect(({} as { a?: number }).a).toBeUndefined()
  })
})
