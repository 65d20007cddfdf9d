import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Where a running example can be found, for the commands that look at it. */
export interface RunNote {
  readonly pid: number
  readonly collectorUrl: string
  readonly adminUrl: string
  /** With its password: the file is readable by its owner only. */
  readonly databaseUrl: string
}

const NAME = 'run.json'

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
