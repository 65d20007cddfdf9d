import type { ArmResult, Result } from '../contract/result.ts'
import { count, plural } from './readable.ts'

/** `unfit`: the sums of the run do not close, or its fault did not happen; nothing in it can be relied on. */
export type VerdictKind = 'held' | 'failed' | 'partial' | 'unfit' | 'unchecked'

export interface Verdict {
  readonly kind: VerdictKind
  readonly sentence: string
}

/** The whole run in one sentence, for somebody who reads only one. */
export function verdictOf({ partial, checks, arms }: Result): Verdict {
  const problems = arms.reduce((sum, arm) => sum + arm.problems.length, 0)
  if (problems > 0)
    return {
      kind: 'unfit',
      sentence: `Do not rely on this run: ${plural(problems, 'thing')} in it cannot be`,
    }
  if (partial) return { kind: 'partial', sentence: 'The run was interrupted: nothing is asserted' }
  const failed = checks.filter(check => !check.passed).length
  if (checks.length === 0) return { kind: 'unchecked', sentence: 'The run declared no checks' }
  if (failed > 0)
    return {
      kind: 'failed',
      sentence: `The hypothesis does not hold: ${failed} of ${plural(checks.length, 'check')} failed`,
    }
  return { kind: 'held', sentence: `The hypothesis holds: all ${plural(checks.length, 'check')} passed` }
}

/** `damaged` data is worse than customers turned `away`, and both are worse than `well`. */
export type ArmOutcome = 'well' | 'away' | 'damaged' | 'nothing'

export function outcomeOf({ counts }: ArmResult): ArmOutcome {
  if (counts.sent === 0) return 'nothing'
  const { lost, doubled, ghosts, altered, inversions, aggregates } = counts
  if (lost + doubled + ghosts + altered + inversions + aggregates > 0) return 'damaged'
  return turnedAway(counts) + counts.unsent > 0 ? 'away' : 'well'
}

/** Sent, and not answered with success: refused, or no answer at all. */
export function turnedAway({ refused, unanswered }: ArmResult['counts']): number {
  return refused + unanswered
}

export interface Figure {
  readonly value: string
  readonly label: string
  /** `bad` for what must not be, `warn` for customers turned away. */
  readonly tone: 'plain' | 'warn' | 'bad' | 'good'
}

/** `10,000 sent · 4,012 turned away · 0 lost`, and after it only what is not as it should be. */
export function figuresOf({ counts }: ArmResult): Figure[] {
  const away = turnedAway(counts)
  const damage = (value: number, label: string): Figure[] =>
    value > 0 ? [{ value: count(value), label, tone: 'bad' }] : []
  return [
    { value: count(counts.sent), label: 'sent', tone: 'plain' },
    { value: count(away), label: 'turned away', tone: away > 0 ? 'warn' : 'good' },
    { value: count(counts.lost), label: 'lost', tone: counts.lost > 0 ? 'bad' : 'good' },
    ...damage(counts.doubled, 'doubled'),
    ...damage(counts.altered, 'altered'),
    ...damage(counts.ghosts, 'stored though refused'),
    ...damage(counts.inversions, 'out of order'),
    ...damage(counts.aggregates, 'sums that differ'),
    ...(counts.unsent > 0
      ? [{ value: count(counts.unsent), label: 'never sent', tone: 'warn' as const }]
      : []),
    ...(counts.dead > 0
      ? [{ value: count(counts.dead), label: 'dead letters', tone: 'plain' as const }]
      : []),
    ...(counts.pending > 0
      ? [{ value: count(counts.pending), label: 'still waiting', tone: 'warn' as const }]
      : []),
  ]
}

export function armSentence(arm: ArmResult): string {
  return figuresOf(arm)
    .map(({ value, label }) => `${value} ${label}`)
    .join(' · ')
}
