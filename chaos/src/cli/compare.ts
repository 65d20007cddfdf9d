import { readFileSync } from 'node:fs'
import { HoldfastError } from 'holdfast'
import type { Result } from '../contract/result.ts'
import { measure } from '../checks/measures.ts'
import { columns, plain } from './columns.ts'

const compared = [
  'planned',
  'accepted',
  'failed_share',
  'lost',
  'doubled',
  'inversions',
  'amplification',
  'p50',
  'p95',
  'p99',
  'error_seconds',
  'peak_lag',
  'drain_seconds',
]

/** Two results arm by arm. Arms that only one of them has are named. */
export function compareResults(a: Result, b: Result): string {
  const names = [...new Set([...a.arms, ...b.arms].map(({ name }) => name))]
  const parts = names.map(name => {
    const [before, after] = [a, b].map(({ arms }) => arms.find(arm => arm.name === name))
    if (!before || !after) return `${name}: only in ${before ? a.id : b.id}\n`
    const rows = compared.map(figure => {
      const [x, y] = [measure(before, figure), measure(after, figure)]
      return [figure, textOf(x), textOf(y), change(x, y)]
    })
    return `${name}\n${columns([['', 'A', 'B', 'B / A'], ...rows])}`
  })
  const machines =
    a.environment.cpu === b.environment.cpu && a.environment.cores === b.environment.cores
      ? ''
      : 'The two ran on different machines: latencies are not to be compared.\n\n'
  return `A  ${a.id}\nB  ${b.id}\n\n${machines}${parts.join('\n')}`
}

function textOf(value: number | undefined): string {
  return value === undefined ? '-' : plain(value)
}

function change(a: number | undefined, b: number | undefined): string {
  if (a === undefined || b === undefined || a === b) return ''
  return a === 0 ? '' : (b / a).toFixed(2)
}

/** A result.json. Throws `CONFIG_INVALID` for anything else. */
export function readResult(file: string): Result {
  let parsed: Partial<Result>
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<Result>
  } catch (error) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${file} cannot be read as JSON: ${(error as Error).message}`,
      cause: error,
    })
  }
  if (parsed.kind !== 'holdfast-experiment' || parsed.version !== 1) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${file} is no result.json of version 1 (found ${parsed.kind ?? 'no kind'}, version ${parsed.version ?? 'none'})`,
    })
  }
  return parsed as Result
}
