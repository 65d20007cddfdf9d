import type { Result } from '../contract/result.ts'
import { compareResults, type CompareOptions } from '../report/compare.ts'
import { columns } from './columns.ts'

/** Two results arm by arm, as text. */
export function compareText(a: Result, b: Result, options: CompareOptions = {}): string {
  const { cautions, arms } = compareResults(a, b, options)
  const parts = arms.map(({ name, onlyIn, rows }) =>
    onlyIn === undefined
      ? `${name}\n${columns([['', 'A', 'B', 'change'], ...rows.map(row => [row.label, row.a, row.b, row.change])])}`
      : `${name}: only in ${onlyIn}\n`,
  )
  const warned = cautions.length === 0 ? '' : `${cautions.map(text => `! ${text}\n`).join('')}\n`
  return `A  ${a.id}\nB  ${b.id}\n\n${warned}${parts.join('\n')}`
}
