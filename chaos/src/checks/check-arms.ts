import type { ArmResult, Check } from '../contract/result.ts'
import type { CheckPlan } from '../contract/scenario.ts'
import { holds, parseExpression } from './expression.ts'
import { measure } from './measures.ts'

/** Compares what was declared before the run with what it found. An arm that did not run fails its checks. */
export function checkArms(plans: readonly CheckPlan[], arms: readonly ArmResult[]): Check[] {
  return plans.map(plan => {
    const expression = parseExpression(plan.expression)
    const arm = arms.find(({ name }) => name === plan.arm)
    if (!arm) return { ...plan, actual: 'did not run', passed: false }
    const actual = measure(arm, expression.measure)
    return {
      ...plan,
      actual: actual ?? 'never',
      passed: holds(expression, name => measure(arm, name)),
    }
  })
}
