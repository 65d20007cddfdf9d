import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { HoldfastError } from 'holdfast'
import { claimFolder, livingOwner, type FolderClaim } from 'holdfast/server'

/** Where a running example can be found, for the commands that look at it. */
export interface RunNote {
  readonly pid: number
  readonly collectorUrl: string
  readonly adminUrl: string
  /** With its password: the file is readable by its owner only. */
  readonly databaseUrl: string
}

const NAME = 'run.json'
const CLAIM = 'owner.json'

/** Throws `ALREADY_RUNNING` while another process runs on the folder, and touches nothing. */
export function refuseSecondRun(dataDir: string): void {
  const owner = livingOwner(path.join(dataDir, CLAIM))
  if (owner) throw alreadyRunning(dataDir, owner.pid)
}

/** Makes this process the one that runs on the folder. Throws `ALREADY_RUNNING`. */
export function claimRun(dataDir: string): FolderClaim {
  mkdirSync(dataDir, { recursive: true })
  return claimFolder(path.join(dataDir, CLAIM), ({ pid }) => alreadyRunning(dataDir, pid))
}

export function noteRun(dataDir: string, note: RunNote): void {
  const file = path.join(dataDir, NAME)
  rmSync(file, { force: true }) // the mode counts only when the file is made
  writeFileSync(file, `${JSON.stringify(note, undefined, 2)}\n`, { mode: 0o600 })
}

/** Undefined when nothing runs on the folder, or nothing was ever started there. */
export function findRun(dataDir: string): RunNote | undefined {
  try {
    return JSON.parse(readFileSync(path.join(dataDir, NAME), 'utf8')) as RunNote
  } catch {
    return undefined
  }
}

export function forgetRun(dataDir: string): void {
  rmSync(path.join(dataDir, NAME), { force: true })
}

function alreadyRunning(dataDir: string, pid: number): HoldfastError {
  const note = findRun(dataDir)
  // A note of a process that was killed names that one.
  const where = note?.pid === pid ? `${note.collectorUrl}, status ${note.adminUrl}` : 'it is still starting'
  return new HoldfastError('ALREADY_RUNNING', {
    detail: `pid ${pid}, ${where} (data in ${dataDir}; HOLDFAST_DATA names another folder)`,
  })
}
