import { expect, it } from 'vitest'
import { forecast } from './drain-forecast.ts'

const at = (seconds: number, committed: number, end: number) => ({
  at: seconds * 1_000,
  committed: BigInt(committed),
  end: BigInt(end),
})

it('divides what waits by what is gained on the arrivals', () => {
  expect(forecast(800, at(10, 200, 1_000), at(0, 0, 900))).toEqual({
    kind: 'drains',
    seconds: 80,
    donePerSecond: 20,
    arrivingPerSecond: 10,
    overSeconds: 10,
  })
})

it('says never when as much arrives as is done, and when nothing is done', () => {
  expect(forecast(800, at(10, 100, 1_000), at(0, 0, 900))).toMatchObject({ kind: 'never', seconds: null })
  expect(forecast(800, at(10, 100, 1_000), at(0, 100, 1_000))).toMatchObject({
    kind: 'never',
    donePerSecond: 0,
  })
})

it('keeps up while no more waits than it does in a second, whether or not that is less than before', () => {
  expect(forecast(5, at(10, 50, 55), at(0, 0, 4))).toMatchObject({ kind: 'keeps up', seconds: null })
  expect(forecast(6, at(10, 50, 56), at(0, 0, 4))).toMatchObject({ kind: 'never' })
})

it('says never rather than a wrong time after the position was moved back', () => {
  expect(forecast(800, at(10, 0, 1_000), at(0, 500, 1_000))).toMatchObject({
    kind: 'never',
    donePerSecond: 0,
  })
})

it('does not know from a moment', () => {
  expect(forecast(800, at(10, 200, 1_000), undefined)).toMatchObject({ kind: 'unknown', seconds: null })
  expect(forecast(800, at(10, 200, 1_000), at(9.5, 0, 900))).toMatchObject({ kind: 'unknown' })
})

it('is done when nothing waits, whatever the rates', () => {
  expect(forecast(0, at(10, 5, 5), at(0, 5, 5))).toMatchObject({ kind: 'caught up', seconds: null })
})
