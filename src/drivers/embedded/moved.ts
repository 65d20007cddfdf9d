import { join } from 'node:path'
import { HoldfastError } from '../../event/index.ts'
import { readText, writeDurably } from './small-file.ts'

/** Where a log went. */
export interface Moved {
  /** For people: a folder, brokers. */
  readonly to: string
  /** Milliseconds since 1970. */
  readonly at: number
}

const FILE = 'moved.json'

/**
 * Says durably that the log is somewhere else now. A process that was started with the old line of its configuration
 * would answer 202 for events that no group ever reads; it is refused instead.
 */
export function writeMoved(folder: string, moved: Moved): void {
  writeDurably(join(folder, FILE), `${JSON.stringify(moved)}\n`)
}

/** Throws `LOG_MOVED` for a log that is somewhere else now. */
export function refuseMoved(folder: string): void {
  const moved = readMoved(join(folder, FILE))
  if (moved === undefined) return
  const { to, at } = moved
  throw new HoldfastError('LOG_MOVED', {
    detail: `${folder} went to ${to} at ${new Date(at).toISOString()}`,
    facts: { folder, to, at },
  })
}

function readMoved(file: string): Moved | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  try {
    const { to, at } = JSON.parse(text) as Partial<Moved>
    if (typeof to === 'string' && typeof at === 'number') return { to, at }
  } catch {
    // Said below.
  }
  throw new HoldfastError('LOG_CORRUPT', { detail: `${file} does not say where the log went` })
}
