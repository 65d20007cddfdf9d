import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { HoldfastError, systemClock } from '../../event/index.ts'
import { readFormat } from './format.ts'
import { holdFolder } from './holders.ts'
import { openEnvironment } from './lmdb.ts'
import { DATA_FILE } from './open-folder.ts'
import { syncFile, syncFolder } from './sync.ts'
import { verifyDataFile } from './verify.ts'

export interface Compacted {
  readonly folder: string
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/**
 * Gives the disk back the room that deleted records have left in the file of a log: a copy without free pages, checked
 * byte by byte, takes the file's place. Until the one rename the log is as it was, and after it the log is the copy.
 *
 * Rejects with `LOG_IN_USE` while any process has the log open, and none can open it meanwhile; with `CONFIG_INVALID` for
 * a folder without a log; with `LOG_CORRUPT` when the copy is damaged, which leaves the log as it is.
 */
export async function compactLog(folder: string): Promise<Compacted> {
  const where = resolve(folder)
  if (readFormat(where) === undefined)
    throw new HoldfastError('CONFIG_INVALID', { detail: `there is no log in ${where}` })
  const holding = await holdFolder(where, systemClock, 'alone')
  const file = join(where, DATA_FILE)
  const draft = join(where, 'compacting', DATA_FILE)
  try {
    rmSync(dirname(draft), { recursive: true, force: true }) // of a compaction that was killed
    mkdirSync(dirname(draft))
    const bytesBefore = statSync(file).size
    const environment = await openEnvironment(file, 'keep')
    try {
      await environment.copy(draft, { compact: true })
    } finally {
      await environment.close()
    }
    await commitTwice(draft)
    const report = await verifyDataFile(draft)
    if (!report.ok) {
      const findings = [...report.findings, ...report.partitions.flatMap(({ findings }) => findings)]
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `the compacted copy of ${file} is damaged, and nothing was changed: ${findings[0] ?? ''} (${findings.length} findings)`,
      })
    }
    // The content first, then the name; then the folder, or a power cut brings the old name back to the old file's pages.
    syncFile(draft)
    renameSync(draft, file)
    // Whoever still reads the old file, as log verify does, must not share LMDB's lock with those that open the new one.
    rmSync(`${file}-lock`, { force: true })
    syncFolder(where)
    return { folder: where, bytesBefore, bytesAfter: statSync(file).size }
  } finally {
    rmSync(dirname(draft), { recursive: true, force: true })
    holding.release()
  }
}

/**
 * A compacted copy has one meta page with a state and one without, and its pages carry no commit's number. After one
 * commit for each meta page it is like any other log, and the checks at its opening can tell damage.
 */
async function commitTwice(file: string): Promise<void> {
  const environment = await openEnvironment(file, 'keep')
  try {
    const state = environment.table('state')
    const [first] = [...state.getRange({ start: new Uint8Array(), limit: 1 })].map(({ key, value }) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    }))
    if (first === undefined)
      throw new HoldfastError('LOG_CORRUPT', { detail: 'the list of topics is missing' })
    for (let commit = 0; commit < 2; commit++) {
      await environment.transaction(() => void state.put(first.key, first.value))
    }
  } finally {
    await environment.close()
  }
}
