import { HoldfastError } from 'holdfast'

/**
 * What a check compares, after
 *
 *   check    = measure operator value | measure "between" value "and" value
 *   operator = "==" | "!=" | "<" | "<=" | ">" | ">="
 *   value    = number | number "%" | measure | number "*" measure
 *   measure  = name, such as lost, failed_share, p95 or phase.burst.p95
 *
 * as in `lost == 0`, `failed_share between 20% and 60%` and `phase.burst.p95 < 2 * phase.base.p95`. Both ends of
 * `between` are within.
 */
export type Expression =
  | { readonly kind: 'compare'; readonly measure: string; readonly operator: Operator; readonly value: Value }
  | { readonly kind: 'between'; readonly measure: string; readonly low: Value; readonly high: Value }

export type Operator = (typeof operators)[number]
const operators = ['==', '!=', '<=', '>=', '<', '>'] as const

/** `factor` times a measure, or `factor` itself. */
export interface Value {
  readonly factor: number
  readonly measure?: string
}

const MEASURE = String.raw`[a-z][a-z0-9_]*(?:\.[\w-]+)*`
const NUMBER = String.raw`-?\d+(?:\.\d+)?`
const VALUE = String.raw`${NUMBER}\s*%|${NUMBER}\s*\*\s*${MEASURE}|${NUMBER}|${MEASURE}`
const comparison = new RegExp(String.raw`^(${MEASURE})\s*(${operators.join('|')})\s*(${VALUE})$`)
const range = new RegExp(String.raw`^(${MEASURE})\s+between\s+(${VALUE})\s+and\s+(${VALUE})$`)

/** Throws `CONFIG_INVALID` with what is allowed. */
export function parseExpression(text: string): Expression {
  const [, measure, operator, value] = comparison.exec(text.trim()) ?? []
  if (measure !== undefined && operator !== undefined && value !== undefined) {
    return { kind: 'compare', measure, operator: operator as Operator, value: valueOf(value) }
  }
  const [, between, low, high] = range.exec(text.trim()) ?? []
  if (between !== undefined && low !== undefined && high !== undefined) {
    return { kind: 'between', measure: between, low: valueOf(low), high: valueOf(high) }
  }
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `the check ${JSON.stringify(text)} is not "MEASURE OPERATOR VALUE", such as "lost == 0", nor "MEASURE between VALUE and VALUE"; operators are ${operators.join(' ')}`,
  })
}

function valueOf(text: string): Value {
  const [, factor, rest] = /^(-?\d+(?:\.\d+)?)?\s*(.*)$/.exec(text) ?? []
  if (factor === undefined) return { factor: 1, measure: text }
  if (rest === '%') return { factor: Number(factor) / 100 }
  const measure = rest?.replace(/^\*\s*/, '')
  return measure ? { factor: Number(factor), measure } : { factor: Number(factor) }
}

/** Whether it holds, where `of` gives a measure; one that is not there fails every comparison. */
export function holds(expression: Expression, of: (measure: string) => number | undefined): boolean {
  const actual = of(expression.measure)
  const value = ({ factor, measure }: Value): number =>
    measure === undefined ? factor : factor * (of(measure) ?? Number.NaN)
  if (actual === undefined) return false
  if (expression.kind === 'between') {
    return actual >= value(expression.low) && actual <= value(expression.high)
  }
  const other = value(expression.value)
  if (Number.isNaN(other)) return false
  switch (expression.operator) {
    case '==':
      return actual === other
    case '!=':
      return actual !== other
    case '<':
      return actual < other
    case '<=':
      return actual <= other
    case '>':
      return actual > other
    case '>=':
      return actual >= other
  }
}

/** Every measure that it names. */
export function measuresIn(expression: Expression): string[] {
  const values = expression.kind === 'between' ? [expression.low, expression.high] : [expression.value]
  return [expression.measure, ...values.flatMap(({ measure }) => (measure === undefined ? [] : [measure]))]
}
