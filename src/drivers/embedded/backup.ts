import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HoldfastError, systemClock } from '../../event/index.ts'
import { FORMAT_VERSION, readFormat, refuseFormat, writeFormat } from './format.ts'
import { holdFolder } from './holders.ts'
import { openEnvironment } from './lmdb.ts'
import { DATA_FILE } from './open-folder.ts'
import { syncFile, syncFolder } from './sync.ts'
import { verifyDataFile, type VerifyReport } from './verify.ts'

/** What was copied, as it was checked afterwards. */
export interface Copied {
  readonly from: string
  readonly to: string
  /** Of the log itself. */
  readonly bytes: number
  /** When the copy began, milliseconds since 1970. It holds everything that was acknowledged before. */
  readonly at: number
  readonly report: Omit<VerifyReport, 'folder'>
}

/**
 * Copies a log into one file while it is in use: the state of one moment, with all topics, ids and positions. The copy
 * is checked byte by byte before it gets its name, and nothing is ever overwritten.
 *
 * The file is the log's own file with a trailer behind it that says which format it has and what it must hash to.
 *
 * Rejects with `CONFIG_INVALID` for a folder without a log and for a file that exists, `LOG_IN_USE`, `LOG_VERSION`, and
 * `LOG_CORRUPT` when what was copied is damaged.
 */
export async function backupLog(folder: string, file: string): Promise<Copied> {
  const [from, to] = [resolve(folder), resolve(file)]
  const format = readFormat(from)
  if (format === undefined) throw invalid(`there is no log in ${from}`)
  if (existsSync(to)) throw invalid(`${to} exists, and a backup never overwrites`)
  const draft = join(dirname(to), `.${basename(to)}.${process.pid}.partial`)
  const holding = await holdFolder(from, systemClock, 'shared')
  try {
    const at = systemClock.now()
    const environment = await openEnvironment(join(from, DATA_FILE), 'read')
    try {
      await environment.copy(draft, { compact: false })
    } finally {
      await environment.close()
    }
    const report = await verified(draft)
    const bytes = statSync(draft).size
    const sha256 = await hashOf(draft, bytes)
    const trailer: Trailer = { format: format.format, writtenBy: format.writtenBy, at, bytes, sha256 }
    appendTrailer(draft, trailer)
    linkNew(draft, to)
    return { from, to, bytes, at, report }
  } finally {
    holding.release()
    rmSync(draft, { force: true })
    rmSync(`${draft}-lock`, { force: true })
  }
}

/**
 * Makes a log out of a backup, in a folder that is not there yet or is empty. It is checked before it gets its name.
 *
 * Rejects with `CONFIG_INVALID` for a file that is no backup and a folder that is not empty, `LOG_VERSION` for a backup
 * of a newer Holdfast, and `LOG_CORRUPT` for a damaged one.
 */
export async function restoreLog(file: string, folder: string): Promise<Copied> {
  const [from, to] = [resolve(file), resolve(folder)]
  const { format, writtenBy, at, bytes, sha256 } = readTrailer(from)
  if (format > FORMAT_VERSION) throw refuseFormat(from, { format, writtenBy })
  if (existsSync(to) && readdirSync(to).length > 0)
    throw invalid(`${to} is not empty, and a restore never overwrites`)
  const draft = join(dirname(to), `.${basename(to)}.${process.pid}.partial`)
  mkdirSync(draft, { recursive: true })
  try {
    const data = join(draft, DATA_FILE)
    await pipeline(
      createReadStream(from, { end: bytes - 1 }),
      createWriteStream(data, { flags: 'wx', mode: 0o600 }),
    )
    if ((await hashOf(data, bytes)) !== sha256) throw corrupt(`${from} is not what was written as a backup`)
    syncFile(data)
    const report = await verified(data)
    rmSync(`${data}-lock`, { force: true })
    writeFormat(draft, writtenBy)
    renameSync(draft, to) // onto nothing, or onto an empty folder: one that got a file meanwhile stops it
    syncFolder(dirname(to))
    return { from, to, bytes, at, report }
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

interface Trailer {
  readonly format: number
  readonly writtenBy: string
  readonly at: number
  /** Of the log, in front of the trailer. */
  readonly bytes: number
  readonly sha256: string
}

/** The last bytes of a backup: this word and JSON, filled up with blanks. */
const TRAILER_BYTES = 512
const WORD = 'holdfast-backup '

/** Behind the last page, where LMDB does not look. */
function appendTrailer(file: string, trailer: Trailer): void {
  const fd = openSync(file, 'a')
  try {
    writeSync(fd, `${WORD}${JSON.stringify(trailer)}`.padEnd(TRAILER_BYTES - 1) + '\n')
  } finally {
    closeSync(fd)
  }
  syncFile(file)
}

function readTrailer(file: string): Trailer {
  const fd = openSync(file, 'r')
  try {
    const bytes = fstatSync(fd).size - TRAILER_BYTES
    const text = Buffer.alloc(TRAILER_BYTES)
    if (bytes <= 0 || readSync(fd, text, 0, TRAILER_BYTES, bytes) < TRAILER_BYTES) throw noBackup(file)
    const trailer = parseTrailer(text.toString('utf8'))
    if (trailer === undefined) throw noBackup(file)
    if (trailer.bytes !== bytes)
      throw corrupt(`${file} has ${bytes} bytes of a log and says ${trailer.bytes}`)
    return trailer
  } finally {
    closeSync(fd)
  }
}

function parseTrailer(text: string): Trailer | undefined {
  if (!text.startsWith(WORD)) return undefined
  try {
    const { format, writtenBy, at, bytes, sha256 } = JSON.parse(text.slice(WORD.length)) as Partial<Trailer>
    if (typeof format !== 'number' || typeof writtenBy !== 'string' || typeof at !== 'number')
      return undefined
    if (typeof bytes !== 'number' || typeof sha256 !== 'string') return undefined
    return { format, writtenBy, at, bytes, sha256 }
  } catch {
    return undefined
  }
}

async function verified(file: string): Promise<Copied['report']> {
  const report = await verifyDataFile(file)
  if (report.ok) return report
  const findings = [...report.findings, ...report.partitions.flatMap(({ findings }) => findings)]
  throw corrupt(`the copy of the log is damaged: ${findings[0] ?? ''} (${findings.length} findings)`)
}

async function hashOf(file: string, bytes: number): Promise<string> {
  const hash: Hash = createHash('sha256')
  for await (const part of createReadStream(file, { end: bytes - 1, highWaterMark: 1024 * 1024 }))
    hash.update(part as Buffer)
  return hash.digest('hex')
}

/** Gives a finished file its name, durably, unless there is one of that name meanwhile. */
function linkNew(draft: string, to: string): void {
  try {
    linkSync(draft, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw invalid(`${to} exists, and a backup never overwrites`)
    throw error
  }
  syncFolder(dirname(to))
}

function noBackup(file: string): HoldfastError {
  return invalid(`${file} is not a backup that holdfast log backup has written`)
}

function invalid(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail })
}

function corrupt(detail: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', { detail })
}
