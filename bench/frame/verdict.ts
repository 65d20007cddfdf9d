import type { Goal, Round } from './benchmark.ts'

/** What the rounds say about one goal. */
export interface Verdict {
  readonly goal: string
  readonly median: number
  readonly min: number
  readonly max: number
  /** Rounds that missed the bound. */
  readonly misses: number
  /** The aim is missed: in three of five rounds, and in that share of any other number. */
  readonly missed: boolean
}

export function judge({ name, of, bound }: Goal, rounds: readonly Round[]): Verdict {
  const values = rounds.map(of)
  // A ratio that is no number is a miss: a limit of nothing proves nothing.
  const held = (value: number): boolean => ('below' in bound ? value < bound.below : value >= bound.atLeast)
  const misses = values.filter(value => !held(value)).length
  return {
    goal: name,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    misses,
    missed: misses * 5 >= rounds.length * 3,
  }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
