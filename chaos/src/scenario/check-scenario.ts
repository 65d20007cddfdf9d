import { isHoldfastError } from 'holdfast'
import { measuresIn, parseExpression } from '../checks/expression.ts'
import { measureNames } from '../checks/measures.ts'
import type { Arm } from '../contract/arm.ts'
import type { Scenario } from '../contract/scenario.ts'

/** What a scenario may name. */
export interface Known {
  readonly arms: readonly Pick<Arm, 'name' | 'flags'>[]
  /** Names of dependencies that can be started. */
  readonly dependencies: readonly string[]
}

export interface ScenarioProblem {
  /** Where in the file, such as `['faults', 0, 'for']`. */
  readonly path: readonly (string | number)[]
  readonly problem: string
}

/** What is wrong with a scenario whose every field is right by itself. Empty: it can run. */
export function checkScenario(scenario: Scenario, known: Known): ScenarioProblem[] {
  return [...armProblems(scenario, known), ...faultProblems(scenario, known), ...checkProblems(scenario)]
}

function armProblems({ arms }: Scenario, known: Known): ScenarioProblem[] {
  const names = known.arms.map(({ name }) => name)
  return arms.flatMap(({ arm, as, flags }, i): ScenarioProblem[] => {
    const found = known.arms.find(({ name }) => name === arm)
    if (!found)
      return [{ path: ['arms', i], problem: `there is no arm ${arm}; allowed: ${names.join(', ')}` }]
    const unknown = flags.filter(flag => !(flag in found.flags))
    const allowed = Object.keys(found.flags).join(', ') || 'none'
    return [
      ...unknown.map(flag => ({
        path: ['arms', i, 'flags'],
        problem: `${arm} has no flag ${flag}; allowed: ${allowed}`,
      })),
      ...(arms.findIndex(other => other.as === as) === i
        ? []
        : [
            {
              path: ['arms', i],
              problem: `two arms are called ${as}; give one of them another name by "as"`,
            },
          ]),
    ]
  })
}

function faultProblems({ faults, load }: Scenario, known: Known): ScenarioProblem[] {
  const total = load.phases.reduce((sum, { seconds }) => sum + seconds, 0)
  return faults.flatMap((fault, i): ScenarioProblem[] => {
    if (fault.at + fault.for > total) {
      const problem = `ends ${fault.at + fault.for} s after the start; the load ends after ${total} s`
      return [{ path: ['faults', i, 'for'], problem }]
    }
    if (fault.target === 'dependency' && !known.dependencies.includes(fault.dependency)) {
      const problem = `there is no dependency ${fault.dependency}; allowed: ${known.dependencies.join(', ')}`
      return [{ path: ['faults', i, 'dependency'], problem }]
    }
    return []
  })
}

function checkProblems({ checks, arms, load }: Scenario): ScenarioProblem[] {
  const names = measureNames(load)
  return checks.flatMap(({ arm, expression }, i): ScenarioProblem[] => {
    if (!arms.some(({ as }) => as === arm)) {
      const problem = `there is no arm ${arm} in this scenario; allowed: ${arms.map(({ as }) => as).join(', ')}`
      return [{ path: ['checks', i, 'arm'], problem }]
    }
    try {
      return measuresIn(parseExpression(expression))
        .filter(name => !names.includes(name))
        .map(name => ({
          path: ['checks', i, 'expression'],
          problem: `there is no measure ${name}; allowed: ${names.join(', ')}`,
        }))
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      return [{ path: ['checks', i, 'expression'], problem: error.detail }]
    }
  })
}
