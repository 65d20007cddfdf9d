import { expect, it } from 'vitest'
import { yaml } from './yaml.ts'

it('is written in blocks, the first field of an entry behind its dash', () => {
  const answer = {
    format: 1,
    groups: [{ name: 'a', topics: ['x', 'y.z'], none: [], nothing: {} }, { name: 'b' }],
  }
  expect(yaml(answer)).toBe(
    [
      'format: 1',
      'groups:',
      '  - name: a',
      '    topics:',
      '      - x',
      '      - y.z',
      '    none: []',
      '    nothing: {}',
      '  - name: b',
      '',
    ].join('\n'),
  )
  expect(yaml([[1, 2], [3]])).toBe('- - 1\n  - 2\n- - 3\n')
})

it('keeps every text a text, and leaves out what is not there', () => {
  const texts = [
    'no',
    'Null',
    'true',
    '12',
    '1.10',
    '2026-11-21',
    '-',
    '~',
    '',
    'a: b',
    'a #b',
    '- x',
    'two\nlines',
    '"q"',
  ]
  for (const text of texts) expect(yaml({ text })).toBe(`text: ${JSON.stringify(text)}\n`)
  expect(yaml({ text: 'orders.billing.dead', on: undefined, at: null, is: false })).toBe(
    'text: orders.billing.dead\nat: null\nis: false\n',
  )
  expect(yaml({ on: 1, 'a b': 2, '7': 3 })).toBe('"7": 3\n"on": 1\n"a b": 2\n')
})
