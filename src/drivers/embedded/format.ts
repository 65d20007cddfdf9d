import { dirname, join } from 'node:path'
import { HoldfastError } from '../../event/index.ts'
import { readText, writeDurably } from './small-file.ts'
import { syncFolder } from './sync.ts'

/**
 * What the folder was written as. Raised when an older Holdfast could no longer read something in it: chunks, rows, notes
 * of positions, letters. Each format has a log in `test/fixtures`, made by `scripts/log-fixture.ts`.
 */
export const FORMAT_VERSION = 1

export interface Format {
  readonly format: number
  /** The Holdfast that raised it to this format. */
  readonly writtenBy: string
}

/** Undefined for a folder without a log. Throws `LOG_VERSION` for a format of the future, `LOG_CORRUPT` for none. */
export function readFormat(folder: string): Format | undefined {
  const file = join(folder, FILE)
  const text = readText(file)
  if (text === undefined) return undefined
  const format = parse(file, text)
  if (format.format > FORMAT_VERSION) throw refuseFormat(folder, format)
  return format
}

/** `LOG_VERSION` for a format of the future. */
export function refuseFormat(what: string, { format, writtenBy }: Format): HoldfastError {
  return new HoldfastError('LOG_VERSION', {
    detail: `${what} has format ${format}, written by Holdfast ${writtenBy}; this one reads up to ${FORMAT_VERSION}`,
    facts: { format, writtenBy },
  })
}

/** Says that there is a log here, durably. From now on one without topics is damage and not a new one. */
export function writeFormat(folder: string, writtenBy: string): void {
  const format: Format = { format: FORMAT_VERSION, writtenBy }
  writeDurably(join(folder, FILE), `${JSON.stringify(format)}\n`)
  syncFolder(dirname(folder))
}

const FILE = 'holdfast.json'

function parse(file: string, text: string): Format {
  try {
    const { format, writtenBy } = JSON.parse(text) as Partial<Format>
    if (typeof format === 'number' && typeof writtenBy === 'string') return { format, writtenBy }
  } catch {
    // Said below.
  }
  throw new HoldfastError('LOG_CORRUPT', { detail: `${file} does not say which format the log has` })
}
