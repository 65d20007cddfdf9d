import { describe, expect, it } from 'vitest'
import { jsonDiff } from './json-diff.ts'

describe('the difference of two JSON values', () => {
  it('names each path that was added, removed or changed, and no other', () => {
    const was = { a: 1, b: { c: [1, 2, { d: 'x' }] }, 'e/f~': null, same: { g: [1] } }
    const now = { a: '1', b: { c: [1, 3, { d: 'x', h: true }, 4] }, same: { g: [1] } }
    expect(jsonDiff(was, now)).toEqual([
      { kind: 'changed', path: '/a', was: 1, now: '1' },
      { kind: 'changed', path: '/b/c/1', was: 2, now: 3 },
      { kind: 'added', path: '/b/c/2/h', now: true },
      { kind: 'added', path: '/b/c/3', now: 4 },
      { kind: 'removed', path: '/e~1f~0', was: null },
    ])
  })

  it('is the whole where the kinds differ, and nothing where nothing does', () => {
    expect(jsonDiff([1], { 0: 1 })).toEqual([{ kind: 'changed', path: '', was: [1], now: { 0: 1 } }])
    expect(jsonDiff(undefined, 1)).toEqual([{ kind: 'changed', path: '', was: undefined, now: 1 }])
    expect(jsonDiff({ a: [] }, { a: [] })).toEqual([])
  })

  it('stops at 500', () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, i]))
    expect(jsonDiff({}, many)).toHaveLength(500)
  })
})
