import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

/**
 * Lets Node keep what it compiles, so that the next command begins sooner. What is kept is executed, and nothing says who
 * has put it there: so it is kept where only this user can write, and not in the folder for temporary files, which Node
 * would take. Where there is no such place, as with the HOME of another user under sudo, nothing is kept.
 */
export function keepCompiled() {
  try {
    const given = process.env.XDG_CACHE_HOME
    const base = given || homedir()
    const { uid, mode } = statSync(base)
    if (uid !== process.getuid?.() || (mode & OTHERS_WRITE) !== 0) return
    const folder = path.join(given || path.join(base, '.cache'), 'holdfast', 'compiled')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    enableCompileCache(folder) // not when NODE_COMPILE_CACHE names another, or NODE_DISABLE_COMPILE_CACHE is set
  } catch {
    // No home, or one that cannot be written to: it works without.
  }
}

/** The group of the folder, and everybody. */
const OTHERS_WRITE = 0o022
