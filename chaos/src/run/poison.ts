import type { FaultResult } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'
import type { LoadTally } from '../load/tally.ts'

/** Poison is seen when it was accepted: a door that refuses it has not let the fault in. */
export function poisonResults({ faults }: Pick<Scenario, 'faults'>, tally: LoadTally): FaultResult[] {
  return faults.flatMap((plan): FaultResult[] => {
    if (plan.target !== 'load') return []
    const until = plan.at + plan.for
    let accepted = 0
    for (const { n, dueAt, outcome } of tally.events()) {
      const poison = dueAt >= plan.at * 1000 && dueAt < until * 1000 && n % plan.every === plan.every - 1
      if (poison && outcome === 'accepted') accepted += 1
    }
    return [
      {
        name: 'load poison',
        plannedAt: plan.at,
        began: plan.at,
        ended: until,
        observed: accepted === 0 ? [] : [`${accepted} events that nobody can handle were accepted`],
      },
    ]
  })
}
