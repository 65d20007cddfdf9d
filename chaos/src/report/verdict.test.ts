import { describe, expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import type { ArmResult, Counts, Result } from '../contract/result.ts'
import { armSentence, outcomeOf, verdictOf } from './verdict.ts'

const result = sampleResult()

function arm(counts: Partial<Counts>): ArmResult {
  const [first] = result.arms
  if (first === undefined) throw new Error('no arm')
  const none = Object.fromEntries(Object.keys(first.counts).map(name => [name, 0])) as unknown as Counts
  return { ...first, counts: { ...none, ...counts } }
}

describe('the verdict', () => {
  it('counts the checks that passed', () => {
    expect(verdictOf(result)).toEqual({ kind: 'held', sentence: 'The hypothesis holds: all 9 checks passed' })
  })

  it('counts those that failed', () => {
    const checks = result.checks.map((check, index) => ({ ...check, passed: index > 1 }))
    expect(verdictOf({ ...result, checks })).toEqual({
      kind: 'failed',
      sentence: 'The hypothesis does not hold: 2 of 9 checks failed',
    })
  })

  it('asserts nothing of a run that was interrupted, even where a check would pass', () => {
    expect(verdictOf({ ...result, partial: true }).kind).toBe('partial')
  })

  it('believes no run whose sums do not close, whatever its checks say', () => {
    const [first] = result.arms
    const broken: Result = {
      ...result,
      arms: [{ ...(first as ArmResult), problems: ['sent is not the sum'] }],
    }
    expect(verdictOf(broken).kind).toBe('unfit')
  })
})

describe('the sentence of an arm', () => {
  it('is short when all is well or as expected', () => {
    expect(armSentence(arm({ sent: 10_000, refused: 4_000, unanswered: 12 }))).toBe(
      '10,000 sent · 4,012 turned away · 0 lost',
    )
  })

  it('names everything that is not as it should be', () => {
    expect(
      armSentence(
        arm({
          sent: 9,
          doubled: 1,
          altered: 2,
          ghosts: 3,
          inversions: 4,
          aggregates: 8,
          unsent: 5,
          dead: 6,
          pending: 7,
        }),
      ),
    ).toBe(
      '9 sent · 0 turned away · 0 lost · 1 doubled · 2 altered · 3 stored though refused · 4 out of order · 8 sums that differ · 5 never sent · 6 dead letters · 7 still waiting',
    )
  })

  it.each<[Partial<Counts>, string]>([
    [{}, 'nothing'],
    [{ sent: 1 }, 'well'],
    [{ sent: 1, refused: 1 }, 'away'],
    [{ sent: 1, unsent: 1 }, 'away'],
    [{ sent: 1, refused: 1, lost: 1 }, 'damaged'],
    [{ sent: 1, doubled: 1 }, 'damaged'],
    [{ sent: 1, inversions: 1 }, 'damaged'],
    [{ sent: 1, aggregates: 1 }, 'damaged'],
  ])('%j is %s', (counts, outcome) => {
    expect(outcomeOf(arm(counts))).toBe(outcome)
  })
})
