import path from 'node:path'
import { writeMoved } from '../../drivers/embedded/index.ts'
import { HoldfastError, silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { LogDriver, LogEnvironment, LogSystem } from '../../log/index.ts'
import { migration } from '../../migrate/index.ts'
import { interruptible } from '../interrupt.ts'
import type { CliIo } from '../io.ts'
import { logFolder } from '../open-log.ts'
import { backlogs } from './backlog.ts'
import { newLog, untouched, type NewLogOptions } from './new-log.ts'
import { OldLog } from './old-log.ts'
import { pids, printMoved, printSurvey, progressLines } from './print.ts'

export interface LogMigrateOptions extends NewLogOptions {
  readonly from: 'embedded'
  readonly log?: string
  readonly dryRun?: boolean
  readonly follow?: boolean
  readonly output: 'table' | 'json'
}

/** Moves a log with all that its groups know to another one. Answers the exit code. */
export function logMigrate(options: LogMigrateOptions, io: CliIo): Promise<number> {
  return interruptible(io, async signal => {
    try {
      await (options.dryRun === true ? dryRun(options, io, signal) : migrate(options, io, signal))
    } catch (error) {
      if (!signal.aborted) throw error
      io.err('stopped; the same command goes on from here\n')
    }
  })
}

const env: LogEnvironment = { clock: systemClock, random: systemRandom, logger: silentLogger }

async function dryRun(options: LogMigrateOptions, io: CliIo, signal: AbortSignal): Promise<void> {
  const folder = path.resolve(logFolder(options.log, io))
  const driver = await newLog(options, folder, io)
  await betweenLogs(folder, 'shared', untouched(driver), async (old, target) => {
    const survey = await migration({ target, signal, progress: () => {} }).survey(old.system)
    const others = old.others()
    const inUse =
      others.length > 0 && options.follow !== true
        ? [`${folder} is in use by ${pids(others)}: stop it first, or copy while it runs with --follow`]
        : []
    const refused = [...survey.refused, ...inUse]
    const groups = new Set(survey.positions.map(({ group }) => group))
    const places = { from: { kind: options.from, where: folder }, to: driver }
    const found = { survey: { ...survey, refused }, backlogs: await backlogs(old.system, groups, signal) }
    io.out(printSurvey({ ...places, ...found }, options.output))
    if (refused.length > 0) throw new HoldfastError('MIGRATION_REFUSED', { detail: refused.join('; ') })
    io.err('nothing was changed; to do it: the same without --dry-run\n')
  })
}

async function migrate(options: LogMigrateOptions, io: CliIo, signal: AbortSignal): Promise<void> {
  const folder = path.resolve(logFolder(options.log, io))
  const driver = await newLog(options, folder, io)
  const follow = options.follow === true
  await betweenLogs(folder, follow ? 'shared' : 'alone', driver, async (old, target) => {
    const move = migration({ target, signal, progress: progressLines(io, systemClock) })
    if (follow) {
      const waiting = (holders: readonly number[]): void =>
        io.err(`up to date, and follows until nobody uses ${folder} any more: ${pids(holders)}\n`)
      await old.follow(system => move.copy(system), waiting, signal)
    }
    const report = await move.finish(old.system)
    writeMoved(folder, { to: `${driver.kind} ${driver.where}`, at: systemClock.now() })
    const places = { from: { kind: options.from, where: folder }, to: driver }
    io.out(printMoved({ ...places, report }, options.output))
    io.err(
      `moved, and compared. Now name the new log in the app and start it: each group goes on where it stood. ${folder} refuses to be opened from now on.\n`,
    )
  })
}

async function betweenLogs(
  folder: string,
  as: 'shared' | 'alone',
  driver: LogDriver,
  work: (old: OldLog, target: LogSystem) => Promise<void>,
): Promise<void> {
  const old = await OldLog.open(folder, env, as)
  try {
    const target = await driver.open(env)
    try {
      await work(old, target)
    } finally {
      await target.close()
    }
  } finally {
    await old.close()
  }
}
