import { describe, expect, it } from 'vitest'
import {
  adviseOn,
  chainAvailability,
  daysAwayAYear,
  outageCost,
  publishedOutage,
  type Situation,
} from './index.ts'

describe('the published figures', () => {
  it('1,000/s at one cent, 300 s, half refused: $1,500, and $18,000 a year', () => {
    expect(outageCost(publishedOutage)).toEqual({
      refusedRequests: 150_000,
      perOutage: 1_500,
      perYear: 18_000,
    })
  })

  it('four services at 99.9 % are 99.6 % together', () => {
    expect(chainAvailability(0.999, 4)).toBeCloseTo(0.996, 4)
  })

  it('five at 99.5 % are 97.5 %, nine days a year', () => {
    expect(chainAvailability(0.995, 5)).toBeCloseTo(0.975, 3)
    expect(daysAwayAYear(chainAvailability(0.995, 5))).toBeCloseTo(9, 0)
  })
})

describe('the advice', () => {
  it.each<[string, Situation, string]>([
    ['a log where the rate is high and nothing is against it', { rate: 1_001 }, 'log'],
    ['nothing of a rate at the threshold', { rate: 1_000 }, 'ask-more'],
    ['not to where the rate is low', { rate: 99 }, 'do-not'],
    ['nothing between the two', { rate: 100 }, 'ask-more'],
    [
      'not to where who writes must read at once, whatever the rate',
      { rate: 50_000, consistency: 'strong' },
      'do-not',
    ],
    ['not to where the result is needed within 10 ms', { rate: 50_000, answerWithinMs: 10 }, 'do-not'],
    ['a log for several readers of one event', { consumers: 2 }, 'log'],
    ['nothing for one reader', { consumers: 1 }, 'ask-more'],
    ['a log where failures must not be seen', { hideFailures: true }, 'log'],
    [
      'that the price decides where reasons stand on both sides',
      { rate: 50, hideFailures: true },
      'price-decides',
    ],
    [
      'not to where outages cost less than a broker',
      { rate: 50, consumers: 3, outageCostPerYear: 2_399 },
      'do-not',
    ],
    ['a log where they cost more', { rate: 50, consumers: 3, outageCostPerYear: 2_400 }, 'log'],
  ])('is %s', (_, situation, answer) => {
    expect(adviseOn(situation).answer).toBe(answer)
  })

  it('sends teams under five to the embedded log or a managed queue, and shows them no broker that takes half of them', () => {
    const small = adviseOn({ consumers: 2, team: 4 })
    expect(small.begin).toContain('Run no broker')
    expect(small.options.map(({ name }) => name)).toEqual(['Holdfast embedded', 'NATS', 'Redis', 'Kafka'])
    expect(adviseOn({ consumers: 2, team: 5 }).begin).not.toContain('Run no broker')
  })

  it('counts 10 to 100 ms for each hop of a chain', () => {
    expect(adviseOn({ services: 4 }).hops).toEqual({ from: 40, to: 400 })
  })
})
