import { expect, test } from 'vitest'
import { holds, measuresIn, parseExpression } from './expression.ts'

const figures: Readonly<Record<string, number>> = {
  lost: 3,
  share: 0.4,
  'phase.base.p95': 10,
  'phase.burst.p95': 19,
}
const check = (text: string): boolean => holds(parseExpression(text), name => figures[name])

test('a check compares a measure with a number, a percentage, another measure or a multiple of one', () => {
  const right = [
    'lost == 3',
    'lost != 0',
    'lost<4',
    'lost <= 3',
    'lost > 2',
    'lost >= 3',
    'share between 0.2 and 0.6',
    'share between 40% and 40%',
    'phase.burst.p95 < 2 * phase.base.p95',
    'phase.base.p95 < phase.burst.p95',
  ]
  expect(right.filter(text => !check(text))).toEqual([])
  const wrong = [
    'lost == 0',
    'lost != 3',
    'lost < 3',
    'lost <= 2',
    'lost > 3',
    'lost >= 4',
    'share between 41% and 60%',
    'share between 20% and 39%',
    'phase.burst.p95 < 1.5 * phase.base.p95',
  ]
  expect(wrong.filter(check)).toEqual([])
})

test('what is not there holds nothing', () => {
  const absent = [
    'drain < 5',
    'drain >= 0',
    'drain != 1',
    'lost < drain',
    'lost > 2 * drain',
    'lost between 0 and drain',
  ]
  expect(absent.filter(check)).toEqual([])
})

test('names every measure, and refuses what it does not understand with an example of what it does', () => {
  expect(measuresIn(parseExpression('a.b.p95 between 2 * c and 4'))).toEqual(['a.b.p95', 'c'])
  for (const text of [
    '',
    'lost',
    'lost = 0',
    'lost == many things',
    '0 == lost',
    'lost == 0 and doubled == 0',
  ]) {
    expect(() => parseExpression(text)).toThrow(
      /CONFIG_INVALID|is not "MEASURE OPERATOR VALUE", such as "lost == 0"/,
    )
  }
})
