import type { ArmResult, Series } from '../../src/contract/result.ts'
import { armStyles, type FaultSpan, type Line } from '../chart/line.ts'

/** Series that arms are compared by. */
export type Measure = Exclude<
  keyof Series,
  'second' | 'accepted' | 'refused' | 'unanswered' | 'unsent' | 'breaker'
>

/** The moments of the arm that took longest: the others stop earlier. */
export function alignArms(arms: readonly ArmResult[]): readonly number[] {
  return arms.reduce<readonly number[]>(
    (longest, { series }) => (series.second.length > longest.length ? series.second : longest),
    [],
  )
}

/** A line for each arm in which the measure was ever read. Colours go by the arm, so they are the same in every chart. */
export function measureLines(arms: readonly ArmResult[], measure: Measure, x: readonly number[]): Line[] {
  const styles = armStyles(arms.map(({ name }) => name))
  return arms.flatMap(arm => {
    const values = arm.series[measure]
    if (!values.some(value => value !== null)) return []
    const { colour = '--ink', dash = [] } = styles.get(arm.name) ?? {}
    return [{ label: arm.title, colour, dash, values: x.map((_, at) => values[at] ?? null) }]
  })
}

const outcomes = [
  ['accepted', '2xx', '--outcome-accepted'],
  ['refused', 'refused', '--outcome-refused'],
  ['unanswered', 'no answer', '--outcome-unanswered'],
  ['unsent', 'never sent', '--outcome-unsent'],
] as const

/** What the customers of one arm were answered; kinds that never came are left out, except the good one. */
export function outcomeLines({ series }: ArmResult, x: readonly number[]): Line[] {
  return outcomes
    .filter(([name]) => name === 'accepted' || series[name].some(value => value > 0))
    .map(([name, label, colour]) => ({
      label,
      colour,
      dash: [],
      values: x.map((_, at) => series[name][at] ?? null),
    }))
}

/** The faults of all arms: those of one name are one span, from the first that began to the last that ended. */
export function faultSpans(arms: readonly ArmResult[]): FaultSpan[] {
  const spans = new Map<string, FaultSpan>()
  for (const { faults } of arms) {
    for (const [index, { name, began, ended }] of faults.entries()) {
      const key = `${index} ${name}`
      const known = spans.get(key)
      spans.set(key, {
        name,
        from: Math.min(began, known?.from ?? began),
        to: Math.max(ended, known?.to ?? ended),
      })
    }
  }
  return [...spans.values()].toSorted((a, b) => a.from - b.from)
}
