import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { quickLook } from '../../drivers/embedded/index.ts'
import { isHoldfastError, type Clock, type Finding } from '../../event/index.ts'
import { bytes } from '../../server/readable.ts'
import { fileSystemFinding, mountOf } from './file-system.ts'

/** Looks at the folder of a log and at the disk below it. A folder that is not there yet is not made. */
export function diskFindings(folder: string, clock: Clock): Finding[] {
  const where = nearestFolder(path.resolve(folder))
  return [
    fileSystemFinding(where, mountOf(where, mountinfo())),
    syncFinding(where, clock),
    spaceFinding(statfsSync(where)),
    logFinding(path.resolve(folder)),
    ...timeFinding(path.resolve(folder), clock),
  ]
}

function nearestFolder(folder: string): string {
  for (let at = folder; ; at = path.dirname(at)) if (existsSync(at)) return realpathSync(at)
}

function mountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8')
  } catch {
    return '' // not Linux
  }
}

const SYNCS = 100
const TOO_FAST_US = 20
const SLOW_US = 20_000

/** Appends 4 KiB and syncs, again and again, in a folder of its own that is removed. */
function syncFinding(where: string, clock: Clock): Finding {
  try {
    return judgeSync(medianSync(where, clock))
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    return {
      check: 'fsync',
      status: 'fail',
      found: `${where} cannot be written to: ${message}`,
      advice:
        code === 'ENOSPC'
          ? 'Free disk space.'
          : 'Give this user the right to write there, or choose another folder.',
    }
  }
}

/** In microseconds. */
function medianSync(where: string, clock: Clock): number {
  const folder = mkdtempSync(path.join(where, '.holdfast-doctor-'))
  let fd: number | undefined
  try {
    fd = openSync(path.join(folder, 'probe'), 'w')
    const block = Buffer.alloc(4096, 1)
    const times: number[] = []
    while (times.length < SYNCS) {
      writeSync(fd, block)
      const began = clock.monotonic()
      fdatasyncSync(fd)
      times.push((clock.monotonic() - began) * 1000)
    }
    return times.toSorted((a, b) => a - b)[SYNCS / 2] ?? 0
  } finally {
    if (fd !== undefined) closeSync(fd)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `p50`: microseconds. */
export function judgeSync(p50: number): Finding {
  const check = 'fsync'
  const found = p50 < 1000 ? `p50 ${p50.toFixed(0)} µs` : `p50 ${(p50 / 1000).toFixed(1)} ms`
  if (p50 < TOO_FAST_US) {
    return {
      check,
      status: 'warn',
      found: `${found}: this disk may not honour fsync`,
      advice:
        'A 202 then survives a crash of the process, but not a power cut. Look at the write cache of disk, controller and hypervisor.',
    }
  }
  if (p50 > SLOW_US) {
    return {
      check,
      status: 'warn',
      found,
      advice: 'A commit takes two of them: every answer of the collector waits that long. Use a faster disk.',
    }
  }
  return { check, status: 'ok', found }
}

/** What appends leave free and the reserve, twice over, so that there is something to do before it is too late. */
const LITTLE_BYTES = 1024 ** 3
const NOTHING_BYTES = 72 * 1024 ** 2

export function spaceFinding({
  bavail,
  bsize,
}: {
  readonly bavail: number
  readonly bsize: number
}): Finding {
  const free = bavail * bsize
  const check = 'free space'
  if (free < NOTHING_BYTES)
    return {
      check,
      status: 'fail',
      found: bytes(free),
      advice: `Appends are refused with LOG_FULL below ${bytes(NOTHING_BYTES)}. Free disk space.`,
    }
  if (free < LITTLE_BYTES)
    return {
      check,
      status: 'warn',
      found: bytes(free),
      advice: 'Free disk space, shorten retain or give the topics retainBytes.',
    }
  return { check, status: 'ok', found: bytes(free) }
}

function logFinding(folder: string): Finding {
  const check = 'log'
  try {
    const seen = quickLook(folder)
    if (seen === undefined) return { check, status: 'ok', found: `no log in ${folder} yet` }
    const found = `format ${seen.format}, written by Holdfast ${seen.writtenBy}, ${bytes(seen.bytes)}`
    return seen.problem === undefined
      ? { check, status: 'ok', found }
      : {
          check,
          status: 'fail',
          found: seen.problem,
          advice: `Stop what uses it, keep a copy, and run: holdfast log verify ${folder}`,
        }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return { check, status: 'fail', found: error.message, advice: `holdfast explain-error ${error.code}` }
  }
}

const CLOCK_SLACK_MS = 5_000

/** The log was written in the future: the clock was set back, and ids and retention wait until it has caught up. */
function timeFinding(folder: string, clock: Clock): Finding[] {
  const changed = statSync(path.join(folder, 'data.mdb'), { throwIfNoEntry: false })?.mtimeMs
  if (changed === undefined || changed <= clock.now() + CLOCK_SLACK_MS) return []
  const seconds = Math.round((changed - clock.now()) / 1000)
  return [
    {
      check: 'clock and log',
      status: 'warn',
      found: `the log was last written ${seconds} s in the future`,
      advice: 'The clock was set back. Let NTP slew it (chronyd, systemd-timesyncd) instead of stepping it.',
    },
  ]
}
