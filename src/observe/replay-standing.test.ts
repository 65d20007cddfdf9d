import { expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import { noCounts, type ReplayPart, type ReplayState } from '../recover/index.ts'
import { replayStandings } from './replay-standing.ts'

function part(position: number, state: ReplayPart['state']): ReplayPart {
  const range = { topic: 't', partition: 0, from: offset(10), to: offset(100) }
  return {
    ...range,
    position: offset(position),
    state,
    reason: state === 'waits' ? 'it is broken' : undefined,
    counts: noCounts,
  }
}

function job(group: string, state: ReplayState['state'], parts: readonly ReplayPart[]): ReplayState {
  return {
    id: 'j',
    group,
    mode: 'fill',
    state,
    askedAt: 1,
    by: 'somebody',
    reason: '',
    ratePerSecond: undefined,
    cancelled: undefined,
    endedAt: state === 'done' || state === 'cancelled' ? 2 : undefined,
    counts: noCounts,
    parts,
  }
}

it('sums up the replays of a group: how many in each state, and how far those are that have not ended', () => {
  const standings = replayStandings([
    job('b', 'running', [part(30, 'running'), part(100, 'done'), part(50, 'waits')]),
    job('a', 'done', [part(100, 'done')]),
    job('b', 'done', [part(100, 'done')]),
    // What is left of a part that was cut short is not to be done.
    job('b', 'cancelling', [part(20, 'cancelled'), part(10, 'waiting')]),
  ])
  expect(standings).toEqual([
    {
      group: 'a',
      jobs: { waiting: 0, running: 0, cancelling: 0, done: 1, cancelled: 0 },
      settled: 0,
      remaining: 0,
      standingStill: 0,
      why: undefined,
    },
    {
      group: 'b',
      jobs: { waiting: 0, running: 1, cancelling: 1, done: 1, cancelled: 0 },
      settled: 20 + 90 + 40 + 10 + 0,
      remaining: 70 + 50 + 90,
      standingStill: 1,
      why: 'it is broken',
    },
  ])
})
