import type { Result } from '../contract/result.ts'

/** As everywhere in `holdfast`. */
export const exitCode = { ok: 0, failed: 1, checkFailed: 7, interrupted: 130 } as const

/** A run that cannot be believed has failed, whatever its checks say; one that was interrupted asserts nothing. */
export function exitCodeOf({ partial, arms, checks }: Result): number {
  if (partial) return exitCode.interrupted
  if (arms.some(({ problems }) => problems.length > 0)) return exitCode.failed
  return checks.every(({ passed }) => passed) ? exitCode.ok : exitCode.checkFailed
}
