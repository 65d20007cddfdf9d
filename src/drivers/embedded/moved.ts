import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../event/index.ts'
import { syncFolder } from './sync.ts'

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
  const file = join(folder, FILE)
  const draft = `${file}.new`
  const fd = openSync(draft, 'w', 0o600)
  try {
    writeSync(fd, `${JSON.stringify(moved)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, file)
  syncFolder(folder)
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
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { to, at } = JSON.parse(text) as Partial<Moved>
    if (typeof to === 'string' && typeof at === 'number') return { to, at }
  } catch {
    // Said below.
  }
  throw new HoldfastError('LOG_CORRUPT', { detail: `${file} does not say where the log went` })
}
