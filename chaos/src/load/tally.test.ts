import { expect, test } from 'vitest'
import { outcomes, type LoadOutcome } from './batch.ts'
import { LoadTally } from './tally.ts'

const phases = [
  { name: 'base', seconds: 2, rate: 10 },
  { name: 'peak', seconds: 1, rate: 20 },
]

const ended = (
  ...events: readonly [n: number, outcome: LoadOutcome, ms: number, sends: number][]
): Float64Array =>
  Float64Array.from(events.flatMap(([n, outcome, ms, sends]) => [n, outcomes.indexOf(outcome), ms, sends]))

function tallyOf(): LoadTally {
  const tally = new LoadTally(phases)
  for (let n = 0; n < 40; n++) {
    const outcome = n >= 10 && n < 15 ? 'refused' : n === 39 ? 'unsent' : n === 38 ? 'unanswered' : 'accepted'
    const sends = outcome === 'refused' ? 3 : outcome === 'unsent' ? 0 : 1
    tally.add({ ended: ended([n, outcome, n, sends]), answers: { 202: 1 }, behindMs: n })
  }
  return tally
}

test('what was planned is what was sent and unsent, in the whole and in each phase', () => {
  const tally = tallyOf()
  expect(tally.sums).toEqual({ planned: 40, sent: 39, accepted: 33, refused: 5, unanswered: 1, unsent: 1 })
  expect(tally.phases()).toMatchObject([
    { name: 'base', from: 0, to: 2, rate: 10, sent: 20, accepted: 15, refused: 5, unanswered: 0, unsent: 0 },
    { name: 'peak', from: 2, to: 3, rate: 20, sent: 19, accepted: 18, refused: 0, unanswered: 1, unsent: 1 },
  ])
  expect(tally.amplification).toBeCloseTo((34 + 15) / 39)
  // Of 33 accepted, the last answer was to the event due at 2.9 s, 38 ms later.
  expect(tally.acceptedPerSecond).toBeCloseTo(33 / 2.938, 3)
  expect([tally.answers, tally.behindMs]).toEqual([{ 202: 40 }, 39])
})

test('seconds are those in which an event was due, and a second fails when anybody was turned away in it', () => {
  const tally = tallyOf()
  expect(tally.series()).toMatchObject({
    accepted: [10, 5, 18],
    refused: [0, 5, 0],
    unanswered: [0, 0, 1],
    unsent: [0, 0, 1],
  })
  expect(tally.series().p50.map(ms => Math.round(ms ?? -1))).toEqual([4, 14, 29])
  expect(tally.errorSeconds).toBe(2)
  expect(tally.plannedUntil(1)).toBe(10)
})

test('successes and failures have percentiles of their own, and what was never sent has none', () => {
  const { accepted, failed } = tallyOf().latency()
  expect([accepted.count, failed.count]).toEqual([33, 6])
  expect(accepted.max).toBeCloseTo(37, 1)
  expect(failed.p50).toBeCloseTo(12, 1)
})
