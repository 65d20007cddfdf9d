import type { ArmResult } from '../contract/result.ts'

/** What was measured of one arm's outage, for the sum of what it cost. */
export interface MeasuredOutage {
  readonly seconds: number
  /** Of the events due while the fault lasted, the share that was refused, unanswered or never sent. 0 to 1. */
  readonly refusedShare: number
}

/** Undefined when the arm had no fault, or when no event was due during it. */
export function measuredOutage({ faults, series }: ArmResult): MeasuredOutage | undefined {
  const during = series.second.map(at =>
    faults.some(({ began, ended }) => at >= Math.floor(began) && at < ended),
  )
  const sum = (values: readonly number[]): number =>
    values.reduce((total, value, index) => total + (during[index] === true ? value : 0), 0)
  const failed = sum(series.refused) + sum(series.unanswered) + sum(series.unsent)
  const due = failed + sum(series.accepted)
  if (due === 0) return undefined
  const seconds = faults.reduce((total, { began, ended }) => total + (ended - began), 0)
  return { seconds, refusedShare: failed / due }
}
