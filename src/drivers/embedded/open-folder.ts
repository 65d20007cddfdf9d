import { mkdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { HoldfastError, type Clock } from '../../event/index.ts'
import { EMPTY_CATALOGUE, hasCatalogue, writeCatalogue } from './catalogue.ts'
import { diskSpace, type DiskSpace } from './disk-space.ts'
import { readFormat, writeFormat } from './format.ts'
import { holdFolder, type Holding } from './holders.ts'
import { openLmdbStorage } from './lmdb-storage.ts'
import { problemOfFile } from './meta-page.ts'
import { refuseMoved } from './moved.ts'
import type { ResolvedEmbeddedOptions } from './options.ts'
import type { Storage, StorageView } from './storage.ts'

export interface OpenFolder {
  readonly storage: Storage
  readonly space: DiskSpace
  readonly holding: Holding
}

/** The file of the environment within the folder of a log. */
export const DATA_FILE = 'data.mdb'

/**
 * Opens the folder of a log, or makes one. The order matters: whether others hold it, then whether it is still here and
 * its format known, then whether the file is as long as it must be, and only then is it mapped.
 */
export async function openFolder(
  folder: string,
  clock: Clock,
  options: ResolvedEmbeddedOptions,
  as: 'shared' | 'alone' = 'shared',
): Promise<OpenFolder> {
  mkdirSync(folder, { recursive: true })
  const holding = await holdFolder(folder, clock, as)
  try {
    refuseMoved(folder)
    const file = join(folder, DATA_FILE)
    const format = readFormat(folder)
    checkFile(file, format !== undefined)
    const space = diskSpace(join(folder, 'reserve'), options)
    const { maxBytes, commitTimeoutMs, observe } = options
    const storage = await openLmdbStorage({
      file,
      mode: format === undefined ? 'make' : 'keep',
      clock,
      space,
      maxBytes,
      commitTimeoutMs,
      committed: ms => observe.committed?.(ms),
    })
    try {
      if (format === undefined) await initialise(storage, folder)
      storage.view(checkState)
      space.restore()
    } catch (error) {
      await storage.close()
      throw error
    }
    return { storage, space, holding }
  } catch (error) {
    holding.release()
    throw error
  }
}

async function initialise(storage: Storage, folder: string): Promise<void> {
  await storage.transact(tx => {
    if (!hasCatalogue(tx)) writeCatalogue(tx, EMPTY_CATALOGUE)
  }, 'ordinary')
  // After the first commit and before the first append is acknowledged.
  writeFormat(folder, version())
}

function checkFile(file: string, expected: boolean): void {
  if (expected && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    throw corrupt(`${file} is missing or empty`)
  }
  const problem = problemOfFile(file)
  if (problem !== undefined) throw corrupt(problem)
}

/** Positions of groups must be all there: without one, a group would start anew and do everything twice or nothing. */
function checkState(view: StorageView): void {
  if (!hasCatalogue(view)) throw corrupt('the list of topics is missing')
  for (const table of ['state', 'groups'] as const) {
    const expected = view.rowCount(table)
    let found = 0
    for (const _ of view.rows(table, new Uint8Array())) found++
    if (found !== expected) throw corrupt(`table ${table} holds ${found} rows instead of ${expected}`)
  }
}

function corrupt(detail: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', { detail })
}

function version(): string {
  const { version } = createRequire(import.meta.url)('../../../package.json') as { readonly version: string }
  return version
}
