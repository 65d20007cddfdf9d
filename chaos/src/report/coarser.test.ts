import { expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import { coarser } from './coarser.ts'

const [arm] = sampleResult({ seconds: 60, arms: ['holdfast'] }).arms
if (arm === undefined) throw new Error('no arm')
const { series } = arm

it('keeps the sums of what is counted', () => {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const coarse = coarser(series, 5)
  expect(coarse.second.slice(0, 4)).toEqual([0, 5, 10, 15])
  expect(sum(coarse.accepted.slice(0, 12)) * 5).toBeCloseTo(sum(series.accepted), 0)
})

it('shows the worst of a span: a breaker that was open for one second, the highest lag, the slowest answer', () => {
  const state = ['CLOSED', 'OPEN', 'HALF_OPEN', 'CLOSED'] as const
  const four = {
    ...series,
    second: [0, 1, 2, 3],
    breaker: state,
    lag: [null, 9, 3, 0],
    p99: [1, 8, null, 2],
    rows: [1, 2, null, null],
    cpu: [0.5, null, null, 0.1],
  }
  expect(coarser(four, 4)).toMatchObject({ breaker: ['OPEN'], lag: [9], p99: [8], rows: [2], cpu: [0.3] })
})

it('leaves what was never known unknown', () => {
  expect(coarser({ ...series, second: [0, 1], lag: [null, null] }, 2).lag).toEqual([null])
})
