import type { GroupContext } from './group-context.ts'

/** Who shuts the gate in a flood of dead letters. */
export const FLOOD = 'flood'

/**
 * Whether an event may die now. Asked before anything about its death is written: in a flood the group is paused, and
 * the event stays as it is, since whoever resumes the group may have mended what failed.
 */
export function mayDie(
  { guard, gate, clock, settings, logger }: GroupContext,
  cause: string,
  tenant: string | undefined,
): boolean {
  if (guard.mayDie(clock.monotonic(), cause, tenant)) return true
  if (gate.reasons.length > 0) return false
  const top = guard.dominating
  const reason = `dead-letter flood: ${top?.count ?? 0} died of "${top?.cause ?? 'unknown'}" within 5 minutes`
  gate.shut(FLOOD, reason)
  logger.error({ group: settings.group, cause: top?.cause }, `${settings.group} is paused: ${reason}`)
  return false
}
