import { describe, expect, it } from 'vitest'
import { parseWhere } from './where.ts'

const event = {
  type: 'click',
  key: 't1/c 1',
  data: { total: 120, items: [{ sku: 'a' }], 'odd name': true, note: 'say "hi"', gone: null, off: false },
}

describe('a filter expression', () => {
  it.each([
    'data.total > 100',
    'data.total >= 120 && data.total <= 120',
    'type == "click"',
    "type == 'click' && !(data.total < 100)",
    'type == "view" || data.items[0].sku == "a"',
    'type != "view"',
    'data["odd name"]',
    'data.note == "say \\"hi\\""',
    'data.note ~ "hi"',
    'data.gone == null',
    'data.off == false',
    'data.nowhere != 1',
    'data.total == 1.2e2',
  ])('%s holds', text => {
    expect(parseWhere(text)(event)).toBe(true)
  })

  it.each([
    'data.total > 120',
    'data.total > "100"',
    'data.nowhere',
    'data.nowhere > 0',
    'data.gone',
    'data.off',
    '!type',
    'constructor',
    'data.constructor.name == "Object"',
  ])('%s does not', text => {
    expect(parseWhere(text)(event)).toBe(false)
  })

  it('binds and closer than or', () => {
    expect(parseWhere('type == "click" || type == "view" && data.total < 5')(event)).toBe(true)
    expect(parseWhere('(type == "click" || type == "view") && data.total < 5')(event)).toBe(false)
  })

  it.each([
    ['', 1],
    ['data.', 6],
    ['data.total >', 13],
    ['data.total > 100 type', 18],
    ['(type', 6],
    ['data[', 6],
    ['data.total > 1; drop', 15],
    ['data.total == other', 15],
    [`${'('.repeat(200)}type`, 101],
  ])('%s is refused, with the place of the mistake', (text, at) => {
    expect(() => parseWhere(text)).toThrowError(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(`at character ${at}:`),
      }),
    )
  })
})
