import type { ReplayState } from '../recover/index.ts'

/** Where the replays of one group stand, whoever runs them. */
export interface ReplayStanding {
  readonly group: string
  /** How many are in each state; of ended ones those that are remembered. */
  readonly jobs: Readonly<Record<ReplayState['state'], number>>
  /** Events of those that have not ended: with an outcome, and still without. */
  readonly settled: number
  readonly remaining: number
  /** Partitions of those in which it stands still, for a reason. */
  readonly standingStill: number
  /** That of the first of them. */
  readonly why: string | undefined
}

const noJobs = { waiting: 0, running: 0, cancelling: 0, done: 0, cancelled: 0 }

/** One for each group that has a job, by name. */
export function replayStandings(jobs: readonly ReplayState[]): ReplayStanding[] {
  const groups = [...new Set(jobs.map(({ group }) => group))].toSorted()
  return groups.map(name => {
    const ours = jobs.filter(({ group }) => group === name)
    const states = { ...noJobs }
    for (const { state } of ours) states[state] += 1
    const parts = ours.filter(({ endedAt }) => endedAt === undefined).flatMap(job => job.parts)
    const open = parts.filter(({ state }) => state !== 'done' && state !== 'cancelled')
    const still = open.filter(({ state }) => state === 'waits')
    return {
      group: name,
      jobs: states,
      settled: Number(parts.reduce((sum, { from, position }) => sum + position - from, 0n)),
      remaining: Number(open.reduce((sum, { to, position }) => sum + to - position, 0n)),
      standingStill: still.length,
      why: still[0]?.reason,
    }
  })
}
