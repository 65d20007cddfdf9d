import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import process from 'node:process'

/**
 * What Node keeps of the sources that it has compiled, for the many processes that tests start: each would otherwise
 * spend most of a second on that before it begins.
 */
export const compileCache: string = resolve(import.meta.dirname, '../.holdfast/test-compile-cache')

/** Vitest's global set-up: fills it beside the first tests. Only a process that ends in order writes it, and many are killed. */
export default function setup(): () => void {
  const main = join(import.meta.dirname, 'apps/warm-up.ts')
  const child = spawn(process.execPath, ['--conditions=holdfast-source', main], { stdio: 'ignore' })
  return () => void child.kill('SIGKILL')
}
