import { expect, it } from 'vitest'
import { trustedTime } from './trusted-time.ts'

const HOUR = 3_600_000

it('hazard 19: never runs ahead of the time since the start, follows small corrections, and goes back with the clock', () => {
  let wall = 1_000 * HOUR
  let monotonic = 5
  const now = trustedTime({ now: () => wall, monotonic: () => monotonic, after: () => () => {} })
  expect(now()).toBe(1_000 * HOUR)
  wall += HOUR
  monotonic += HOUR
  expect(now()).toBe(1_001 * HOUR)
  wall += 30_000
  expect(now()).toBe(1_001 * HOUR + 30_000)
  wall += 24 * HOUR
  expect(now()).toBeLessThanOrEqual(1_001 * HOUR + 60_000)
  wall -= 26 * HOUR
  expect(now()).toBe(wall)
})
