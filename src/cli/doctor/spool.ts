import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import path from 'node:path'
import {
  resolveSpoolOptions,
  spoolContents,
  type SetAsideStatus,
  type SpoolContents,
} from '../../collect/index.ts'
import { embedded, quickLook } from '../../drivers/embedded/index.ts'
import { isHoldfastError, silentLogger, systemRandom, type Clock, type Finding } from '../../event/index.ts'
import type { Declared } from '../../server/declared.ts'
import { livingOwner } from '../../server/index.ts'
import { bytes } from '../../server/readable.ts'

const check = 'spool'

/** Looks at the folder that a collector keeps events in while its log, on other machines, is away. Makes none. */
export async function spoolFindings(
  { log, collector }: Pick<Declared, 'log' | 'collector'>,
  clock: Clock,
): Promise<readonly Finding[]> {
  if (collector === undefined || log?.remote !== true) return []
  const options = resolveSpoolOptions(collector.spool)
  const folder = path.resolve(options.folder)
  const room = roomFinding(folder, options.minFreeBytes)
  if (room !== undefined) return [room]
  if (quickLook(folder) === undefined)
    return [{ check, status: 'ok', found: `${folder} is made at the first start` }]
  try {
    const env = { clock, random: systemRandom, logger: silentLogger }
    const storage = await embedded(folder, { idIndexBytes: 0 }).open(env)
    try {
      const owner = livingOwner(path.join(folder, 'collector.json'))
      const contents = await spoolContents(storage)
      return [judgeSpool(contents, { ...options, folder, now: clock.now(), pid: owner?.pid })]
    } finally {
      await storage.close()
    }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return [
      {
        check,
        status: 'fail',
        found: `${folder}: ${error.message}`,
        advice: `holdfast explain-error ${error.code}`,
      },
    ]
  }
}

function roomFinding(folder: string, minFreeBytes: number): Finding | undefined {
  const where = nearest(folder)
  try {
    accessSync(where, constants.W_OK | constants.X_OK)
  } catch {
    const advice =
      'Give this user the right to write there, or name another folder: spool.folder of the collector.'
    return { check, status: 'fail', found: `${where} cannot be written to`, advice }
  }
  const { bavail, bsize } = statfsSync(where)
  if (bavail * bsize > minFreeBytes) return undefined
  return {
    check,
    status: 'fail',
    found: `the disk of ${folder} has ${bytes(bavail * bsize)} free, and the spool leaves ${bytes(minFreeBytes)}`,
    advice: 'Free disk space: while the log is away events are answered 503.',
  }
}

function nearest(folder: string): string {
  for (let at = folder; ; at = path.dirname(at)) if (existsSync(at)) return at
}

export interface SpoolSight {
  readonly folder: string
  readonly maxAgeMs: number
  readonly now: number
  /** Of the collector that runs on it. */
  readonly pid: number | undefined
}

export function judgeSpool(
  { events, setAside, oldestAt }: SpoolContents,
  { folder, maxAgeMs, now, pid }: SpoolSight,
): Finding {
  const ageMs = oldestAt === undefined ? 0 : Math.max(0, now - oldestAt)
  const by = pid === undefined ? 'no collector runs on it' : `process ${pid} runs on it`
  const found = [
    `${folder} holds ${events} events`,
    ...(events > 0 ? [`the oldest for ${Math.round(ageMs / 60_000)} min`] : []),
    ...(setAside.events > 0 ? [tooLarge(setAside)] : []),
    by,
  ].join(', ')
  if (events > 0 && ageMs > maxAgeMs)
    return {
      check,
      status: 'fail',
      found,
      advice: `It is older than maxAge (${Math.round(maxAgeMs / 60_000)} min), so nothing new is taken in: bring the log back, and let a collector run on this folder.`,
    }
  if (events > 0 && pid === undefined)
    return {
      check,
      status: 'warn',
      found,
      advice:
        'They were answered with 202 and are only here: start the collector, which sends them to the log.',
    }
  if (setAside.events > 0) {
    const next =
      pid === undefined
        ? 'start the collector, which sends them'
        : 'ask the collector to send them: holdfast spool return --url http://…'
    return {
      check,
      status: 'warn',
      found,
      advice: `They were answered with 202 and are only here: raise max.message.bytes of ${namesOf(setAside)}, then ${next}.`,
    }
  }
  return { check, status: events > 0 ? 'warn' : 'ok', found, ...(events > 0 && { advice: DRAINS }) }
}

function tooLarge({ events, since = 0, ...of }: SetAsideStatus): string {
  return `${events} set aside since ${new Date(since).toISOString()} as too large for ${namesOf(of)}`
}

function namesOf({ topics }: Pick<SetAsideStatus, 'topics'>): string {
  return topics.map(({ topic }) => topic).join(', ')
}

const DRAINS = 'It goes to the log by itself once that takes events: /readyz says why it does not.'
