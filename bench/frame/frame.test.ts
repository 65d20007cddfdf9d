import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { shareOfLimit, type Goal, type Round } from './benchmark.ts'
import { judge } from './verdict.ts'

const round = (limit: number, subject: number): Round => ({
  limit: { value: limit },
  subject: { value: subject },
})

describe('a verdict', () => {
  it('is about the ratio of each round, told by its median and its ends', () => {
    const verdict = judge(shareOfLimit(0.5), [round(100, 60), round(10, 4), round(1000, 550)])
    expect(verdict).toEqual({
      goal: 'share of the limit',
      median: 0.55,
      min: 0.4,
      max: 0.6,
      misses: 1,
      missed: false,
    })
  })

  it('is a miss from three rounds of five on, and reaching the bound is enough', () => {
    const [hit, miss] = [round(2, 1), round(2, 0.99)]
    expect(judge(shareOfLimit(0.5), [hit, miss, hit, miss, hit]).missed).toBe(false)
    expect(judge(shareOfLimit(0.5), [hit, miss, miss, miss, hit]).missed).toBe(true)
    expect(judge(shareOfLimit(0.5), [miss]).missed).toBe(true)
  })

  it('takes a limit that was not measured, or of nothing, for a miss', () => {
    expect(judge(shareOfLimit(0.5), [{ limit: undefined, subject: { value: 1 } }]).missed).toBe(true)
    expect(judge(shareOfLimit(0.5), [round(0, 0)]).missed).toBe(true)
  })

  it('may be about a bound from above', () => {
    const goal: Goal = { name: 'p99', of: ({ subject }) => subject.value, bound: { below: 25 } }
    expect(judge(goal, [round(0, 24.9)]).missed).toBe(false)
    expect(judge(goal, [round(0, 25)]).missed).toBe(true)
  })
})

describe('limits', () => {
  const folder = join(import.meta.dirname, '../limits')
  const limits = readdirSync(folder)

  it('are there', () => {
    expect(limits.length).toBeGreaterThan(0)
  })

  it.each(limits)('%s is at most 60 lines: what it does can be seen at once', name => {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(60)
  })
})
