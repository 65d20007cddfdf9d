import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { HoldfastError } from '../event/index.ts'
import { identityOf, isSameProcessAlive, type ProcessIdentity } from './processes.ts'

export interface FolderClaim {
  release(): void
}

/** What to throw when `owner` lives and has the folder. */
type Refusal = (owner: ProcessIdentity) => HoldfastError

/**
 * Makes this process the owner of a folder until `release`, by a file that names it. A claim whose process is gone
 * (`kill -9`, power loss) does not count. Throws what `refusal` makes of an owner that lives.
 */
export function claimFolder(file: string, refusal: Refusal): FolderClaim {
  const mine = JSON.stringify(identityOf(process.pid))
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    while (!tryLink(draft, file)) removeDeadClaim(file, refusal)
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
function removeDeadClaim(file: string, refusal: Refusal): void {
  refuseLiving(file, refusal)
  const moved = `${file}.${process.pid}.dead`
  try {
    renameSync(file, moved)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    refuseLiving(moved, refusal)
  } catch (error) {
    tryLink(moved, file)
    throw error
  } finally {
    rmSync(moved, { force: true })
  }
}

function refuseLiving(file: string, refusal: Refusal): void {
  const owner = livingOwner(file)
  if (owner !== undefined) throw refusal(owner)
}

/** The process that has claimed a folder by `file` and lives. */
export function livingOwner(file: string): ProcessIdentity | undefined {
  const owner = parseIdentity(readClaim(file) ?? '')
  return owner !== undefined && isSameProcessAlive(owner) ? owner : undefined
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
