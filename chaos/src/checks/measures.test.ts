import { expect, test } from 'vitest'
import type { ArmResult } from '../contract/result.ts'
import { measure, measureNames } from './measures.ts'

const latency = { count: 1, p50: 1, p95: 2, p99: 3, p999: 4, max: 5 }
const phase = { sent: 0, accepted: 0, refused: 0, unanswered: 0, unsent: 0, latency }
const fault = (began: number, ended: number): ArmResult['faults'][number] => ({
  name: 'postgres kill',
  plannedAt: 0,
  began,
  ended,
  observed: ['gone'],
})
const arm = {
  counts: { planned: 1_000, refused: 100, unanswered: 50, unsent: 50, lost: 20 },
  latency: { accepted: { ...latency, p95: 7 } },
  phases: [
    { ...phase, name: 'base', from: 0, to: 10, rate: 50 },
    { ...phase, name: 'burst', from: 10, to: 15, rate: 100, latency: { ...latency, p95: 9 } },
  ],
  faults: [fault(8, 12), fault(11, 13)],
  drainedAfterFault: null,
  peakLag: 0,
} as unknown as ArmResult

test('shares are of what was planned, and a failure is whatever is not a yes', () => {
  expect(measure(arm, 'failed_share')).toBe(0.2)
  expect(measure(arm, 'lost_share')).toBe(0.02)
})

test('the share of the faults counts a moment once, whatever overlaps, at the rate of its phase', () => {
  // 8 to 10 at 50/s and 10 to 13 at 100/s.
  expect(measure(arm, 'fault_share')).toBe(0.4)
  expect(measure({ ...arm, faults: [] }, 'fault_share')).toBe(0)
})

test('a percentile is that of accepted events, or of a phase; what never was has no value', () => {
  expect([measure(arm, 'p95'), measure(arm, 'phase.burst.p95'), measure(arm, 'phase.calm.p95')]).toEqual([
    7,
    9,
    undefined,
  ])
  expect([measure(arm, 'drain_seconds'), measure(arm, 'peak_lag')]).toEqual([undefined, 0])
  const names = measureNames({ phases: [{ name: 'burst', seconds: 1, rate: 1 }] })
  expect(names).toContain('phase.burst.p95')
  expect(names).toContain('fault_share')
})
