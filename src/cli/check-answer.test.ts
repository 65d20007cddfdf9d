import { expect, it } from 'vitest'
import { answerOf, type Check } from './check-answer.ts'

const check: Check = {
  name: 'lag',
  measured: [
    { name: 'billing', value: 12 },
    { name: 'mail', value: 1_500 },
  ],
  warn: 1_000,
  crit: 5_000,
  format: 'text',
}

it('is as bad as the worst figure, a limit included', () => {
  const worst = (value: number): number => answerOf({ ...check, measured: [{ name: 'g', value }] }).status
  expect([999, 1_000, 4_999, 5_000].map(worst)).toEqual([0, 1, 1, 2])
  expect(answerOf({ ...check, measured: [] })).toMatchObject({ status: 0 })
})

it('prints for people, for Nagios, for programs and for Prometheus', () => {
  const as = (format: Check['format']): string => answerOf({ ...check, format }).text
  expect(as('text')).toBe('WARNING lag: billing 12, mail 1500 (warning from 1000, critical from 5000)\n')
  expect(as('nagios')).toBe(
    "WARNING - lag: billing 12, mail 1500 | 'billing'=12;1000;5000;0 'mail'=1500;1000;5000;0\n",
  )
  expect(JSON.parse(as('json'))).toEqual({
    format: 1,
    check: 'lag',
    status: 'warning',
    warn: 1_000,
    crit: 5_000,
    measured: check.measured,
  })
  expect(as('prometheus')).toContain('holdfast_check_status{check="lag"} 1\n')
  expect(as('prometheus')).toContain('holdfast_check_value{check="lag",name="mail"} 1500\n')
})
