import { describe, expect, it } from 'vitest'
import { parseDuration, parseRate } from './duration.ts'

describe('durations and rates', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['0ms', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text, 'x')).toBe(ms)
  })

  it.each(['1 s', '1x', '-1s', 's', '', '1e3s', 'Infinitys'])(
    '%j is no duration, and the option is named',
    text => {
      expect(() => parseDuration(text, 'retry[1]')).toThrowError(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('retry[1]') }),
      )
    },
  )

  it('reads rates per second and per minute, above 0', () => {
    expect(parseRate('500/s', 'x')).toBe(500)
    expect(parseRate('60/m', 'x')).toBe(1)
    for (const text of ['0/s', '5/h', '5', '/s']) expect(() => parseRate(text, 'rate')).toThrow('rate')
  })
})
