import { expect, it } from 'vitest'
import { bytes, clock, dollars, millis, seconds, share, shortCount } from './readable.ts'

it.each([
  [share(0.401), '40.1 %'],
  [share(0.000_01), '< 0.1 %'],
  [share(0.999_99), '> 99.9 %'],
  [share(1), '100 %'],
  [share(0), '0 %'],
  [millis(0.412), '0.41 ms'],
  [millis(12.34), '12.3 ms'],
  [millis(840), '840 ms'],
  [millis(1_900), '1.9 s'],
  [millis(75_000), '75 s'],
  [seconds(4.25), '4.3 s'],
  [seconds(125), '2 min 5 s'],
  [seconds(300), '5 min'],
  [seconds(14_400), '4 h 0 min'],
  [clock(65), '1:05'],
  [clock(7_265), '2:01:05'],
  [bytes(97 * 1024 ** 2), '97 MiB'],
  [bytes(1536), '1.5 KiB'],
  [dollars(1_500), '$1,500'],
  [dollars(0.01), '$0.01'],
  [dollars(0), '$0'],
  [shortCount(9_999), '9,999'],
  [shortCount(123_456), '123K'],
])('%s reads %s', (shown, wanted) => {
  expect(shown).toBe(wanted)
})
