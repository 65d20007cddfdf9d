import { expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import type { ArmResult } from '../contract/result.ts'
import { measuredOutage } from './refused-share.ts'

const [rest, holdfast] = sampleResult({ seconds: 90, arms: ['rest', 'holdfast'] }).arms as [
  ArmResult,
  ArmResult,
]

it('is all of what was due while the direct writer had no database, and nothing behind a log', () => {
  expect(measuredOutage(holdfast)?.refusedShare).toBe(0)
  const measured = measuredOutage(rest)
  expect(measured?.seconds).toBeCloseTo(30.57)
  // The second in which the database came back was half good: 30 of 31 seconds.
  expect(measured?.refusedShare).toBeCloseTo(30 / 31, 2)
})

it('counts what had no answer and what was never sent as refused', () => {
  const fault = rest.faults.map(seen => ({ ...seen, began: 0, ended: 2 }))
  const series = {
    ...rest.series,
    second: [0, 1, 2],
    accepted: [4, 0, 9],
    refused: [0, 1, 9],
    unanswered: [0, 2, 9],
    unsent: [0, 1, 9],
  }
  expect(measuredOutage({ ...rest, faults: fault, series })).toEqual({ seconds: 2, refusedShare: 0.5 })
})

it('is not known without a fault', () => {
  const [arm] = sampleResult({ fault: false }).arms
  expect(measuredOutage(arm as ArmResult)).toBeUndefined()
})
