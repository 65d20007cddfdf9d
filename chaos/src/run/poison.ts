import type { FaultResult } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'
import type { LoadTally } from '../load/tally.ts'

/** Poison is seen by what it was answered: a log takes it in, and a service that asks the database first refuses it. */
export function poisonResults({ faults }: Pick<Scenario, 'faults'>, tally: LoadTally): FaultResult[] {
  return faults.flatMap((plan): FaultResult[] => {
    if (plan.target !== 'load') return []
    const until = plan.at + plan.for
    const answers = { accepted: 0, refused: 0, unanswered: 0 }
    for (const { n, dueAt, outcome } of tally.events()) {
      const poison = dueAt >= plan.at * 1000 && dueAt < until * 1000 && n % plan.every === plan.every - 1
      if (poison && outcome !== undefined && outcome !== 'unsent') answers[outcome] += 1
    }
    return [
      {
        name: 'load poison',
        plannedAt: plan.at,
        began: plan.at,
        ended: until,
        observed: Object.entries(answers)
          .filter(([, count]) => count > 0)
          .map(([outcome, count]) => `${count} events that nobody can handle: ${outcome}`),
      },
    ]
  })
}
