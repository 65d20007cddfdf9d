import { existsSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '../../event/index.ts'
import { holdFolder } from './holders.ts'
import { syncFolder } from './sync.ts'

/**
 * Deletes a log with its folder for good. Nothing where there is none. Rejects with `LOG_IN_USE` while any process has
 * it open.
 */
export async function removeLog(folder: string): Promise<void> {
  const where = resolve(folder)
  const leaving = `${where}.leaving`
  rmSync(leaving, { recursive: true, force: true }) // of a deletion that was killed
  if (!existsSync(where)) return
  const holding = await holdFolder(where, systemClock, 'alone')
  try {
    // In one step: half a log would be damage to whoever opens it next.
    renameSync(where, leaving)
    syncFolder(resolve(where, '..'))
  } finally {
    holding.release()
  }
  rmSync(leaving, { recursive: true, force: true })
}
