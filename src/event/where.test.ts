import { describe, expect, it } from 'vitest'
import { parseWhere } from './where.ts'

const event = {
  eventType: 'click',
  key: 't1/c 1',
  partition: 3,
  data: { total: 120, items: [{ sku: 'a' }], 'odd name': true, note: 'say "hi"', gone: null },
}
const parse = (text: string): ((of: typeof event) => boolean) =>
  parseWhere(text, ['eventType', 'key', 'partition', 'data'])

describe('a filter expression', () => {
  it.each([
    'data.total > 100 && key.startsWith("t1/")',
    'data.total == 120',
    'partition in [1, 3]',
    'eventType == "view" || data.items[0].sku == "a"',
    'data.items.exists(item, item.sku == "a")',
    'data["odd name"]',
    'data.note.contains("hi")',
    'data.gone == null',
    '!has(data.nowhere)',
  ])('%s holds', text => {
    expect(parse(text)(event)).toBe(true)
  })

  it.each([
    'data.total > 120',
    'data.total > "100"',
    'data.nowhere > 0',
    'data.nowhere != 1',
    'data.note',
    'data.constructor.name == "Object"',
  ])('%s does not', text => {
    expect(parse(text)(event)).toBe(false)
  })

  it.each([
    ['', 'at character 1'],
    ['data.total >', 'at character 13'],
    ['data.total > 100 type', 'at character 18'],
    ['nobody == 1', 'Unknown variable: nobody at character 1'],
    ['"click"', 'it is of the type string'],
    [`${'('.repeat(300)}key`, 'maxDepth'],
    [`key == "${'x'.repeat(4_000)}"`, 'longer than 4000'],
  ])('%s is refused, with the mistake', (text, why) => {
    expect(() => parse(text)).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(why) }),
    )
  })
})
