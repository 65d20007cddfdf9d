import { readFileSync } from 'node:fs'
import { HoldfastError } from 'holdfast'
import type { Result } from '../contract/result.ts'

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
