import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { HoldfastError } from '../event/index.ts'
import { identityOf, isSameProcessAlive, type ProcessIdentity } from './processes.ts'

/**
 * Makes this process the owner of a folder until `release`, by a file that names it. A claim whose process is gone
 * (`kill -9`, power loss) does not count. `POSTGRES_IN_USE` when the owner lives.
 */
export function claimFolder(file: string, folder: string): { release(): void } {
  const mine = JSON.stringify(identityOf(process.pid))
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    while (!tryLink(draft, file)) removeDeadClaim(file, folder)
  } finally {
    rmSync(draft, { force: true })
  }
  return {
    release() {
      if (readClaim(file) === mine) rmSync(file, { force: true })
    },
  }
}

/** A hard link is made once only, and the file has its content from the first moment. */
function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Moves a dead claim away. Two processes may find the same dead one: 1. A and B read it, 2. A moves it and links its
 * own, 3. B's move takes A's living claim. So B looks at what it moved, and puts a living claim back.
 */
function removeDeadClaim(file: string, folder: string): void {
  refuseLiving(readClaim(file), folder)
  const moved = `${file}.${process.pid}.dead`
  try {
    renameSync(file, moved)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    refuseLiving(readClaim(moved), folder)
  } catch (error) {
    tryLink(moved, file)
    throw error
  } finally {
    rmSync(moved, { force: true })
  }
}

function refuseLiving(claim: string | undefined, folder: string): void {
  if (claim === undefined) return
  const owner = parseIdentity(claim)
  if (owner === undefined || !isSameProcessAlive(owner)) return
  throw new HoldfastError('POSTGRES_IN_USE', {
    detail: `process ${owner.pid} owns ${folder}`,
    facts: { pid: owner.pid },
  })
}

function readClaim(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity> | null
    if (typeof value?.pid !== 'number' || typeof value.startedAt !== 'string') return undefined
    return { pid: value.pid, startedAt: value.startedAt }
  } catch {
    return undefined
  }
}
