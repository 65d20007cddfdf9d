import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readFormat, type Format } from './format.ts'
import { problemOfFile } from './meta-page.ts'
import { DATA_FILE } from './open-folder.ts'

export interface QuickLook extends Format {
  readonly bytes: number
  /** What the file's length and its meta pages say is wrong. */
  readonly problem: string | undefined
}

/**
 * Format, size and meta pages of a log, in no time and without opening it. Undefined when there is none. Throws
 * `LOG_VERSION` and `LOG_CORRUPT` as opening it would. `verifyLog` looks at everything.
 */
export function quickLook(folder: string): QuickLook | undefined {
  const file = join(resolve(folder), DATA_FILE)
  const format = readFormat(folder)
  if (format === undefined) return undefined
  if (!existsSync(file)) return { ...format, bytes: 0, problem: `${file} is missing` }
  return { ...format, bytes: statSync(file).size, problem: problemOfFile(file) }
}
