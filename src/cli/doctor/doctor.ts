import path from 'node:path'
import process from 'node:process'
import {
  isHoldfastError,
  silentLogger,
  sleep,
  systemClock,
  systemRandom,
  type Clock,
  type Finding,
} from '../../event/index.ts'
import { postgres } from '../../drivers/postgres/index.ts'
import type { App } from '../../server/app.ts'
import { portSetting } from '../../server/port-setting.ts'
import type { Database } from '../../sink/index.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { loadApp } from '../load-app.ts'
import { logFolder } from '../open-log.ts'
import { table } from '../table.ts'
import { appFindings } from './app-findings.ts'
import { clockFinding } from './clock.ts'
import { diskFindings } from './disk.ts'
import { launchItems, type LaunchItem } from './launch.ts'
import { newestDrill, snapshotsIn } from './launch-facts.ts'
import { portFinding } from './ports.ts'
import { spoolFindings } from './spool.ts'

export interface DoctorOptions {
  readonly json?: boolean
  /** Instead of the checks one by one: the ten things to settle before a launch. */
  readonly launch?: boolean
}

/** Checks what an app stands on and prints each check with what was found and what to do. Changes nothing. */
export async function doctor(
  file: string | undefined,
  { json, launch }: DoctorOptions,
  io: CliIo,
): Promise<void> {
  if (launch === true && file === undefined) {
    throw new CliError('--launch is about an app', exitCode.usage, {
      next: 'holdfast doctor --launch src/app.ts',
    })
  }
  const app = file === undefined ? undefined : await loadApp(file)
  const machine = await examineAll(app, io)
  const findings: readonly LaunchItem[] =
    launch === true && app !== undefined && file !== undefined ? launchOf(app, file, machine, io) : machine
  io.out(
    json === true
      ? `${JSON.stringify({ format: 1, ok: findings.every(isNoFailure), checks: findings }, undefined, 2)}\n`
      : text(findings),
  )
  const failed = findings.filter(finding => !isNoFailure(finding))
  if (failed.length > 0) {
    throw new CliError(
      `${failed.length} of ${findings.length} checks failed: ${failed.map(({ check }) => check).join(', ')}`,
      exitCode.checkFailed,
      {
        next: failed[0]?.advice ?? 'Mend these first.',
      },
    )
  }
}

/** Where `holdfast schema check` keeps its snapshots unless told otherwise. */
const SNAPSHOTS = path.join('holdfast', 'schemas')

function launchOf(
  { declared }: App<boolean>,
  file: string,
  machine: readonly Finding[],
  io: CliIo,
): LaunchItem[] {
  const data = path.dirname(logFolder(undefined, io))
  return launchItems(declared, {
    file,
    machine,
    snapshots: snapshotsIn(SNAPSHOTS),
    drill: newestDrill(path.join(data, 'chaos')),
  })
}

const isNoFailure = ({ status }: LaunchItem): boolean => status !== 'fail'

function text(findings: readonly LaunchItem[]): string {
  const rows = findings.map(({ check, status, found }) => [status, check, found])
  const advice = findings.flatMap(({ check, advice }) =>
    advice === undefined ? [] : [`${check}: ${advice}\n`],
  )
  return [table(['result', 'check', 'found'], rows), ...(advice.length === 0 ? [] : ['\n', ...advice])].join(
    '',
  )
}

async function examineAll(app: App<boolean> | undefined, io: CliIo): Promise<Finding[]> {
  const clock = systemClock
  const declared = app?.declared
  const log = declared?.log
  const folder =
    log === undefined ? logFolder(undefined, io) : log.kind === 'embedded' ? log.where : undefined
  // The clock is watched while the rest is looked at.
  const watched = clockFinding(clock, sleep(clock, CLOCK_WATCH_MS))
  return [
    { check: 'node', status: 'ok', found: `${process.versions.node} on ${process.platform} ${process.arch}` },
    ...(folder === undefined ? [] : diskFindings(folder, clock)),
    ...(declared === undefined ? [] : await spoolFindings(declared, clock)),
    ...(await portFindings(app, io)),
    ...(await databaseFindings(declared === undefined ? fromEnvironment(io) : declared.db, clock)),
    ...(app === undefined ? [] : await appFindings(app, folder)),
    await watched,
  ]
}

const CLOCK_WATCH_MS = 500

/** A second look within this process at what `start` will ask for. Port 0 is always free. */
async function portFindings(app: App<boolean> | undefined, { env }: CliIo): Promise<Finding[]> {
  const host = '127.0.0.1'
  const collector =
    app === undefined ? { port: portSetting(env, 'HOLDFAST_PORT', 4300), host } : app.declared.collector
  const wanted = [
    { name: 'collector', setBy: 'HOLDFAST_PORT', port: collector?.port ?? 0, host: collector?.host ?? host },
    {
      name: 'status page',
      setBy: 'HOLDFAST_ADMIN_PORT',
      port: portSetting(env, 'HOLDFAST_ADMIN_PORT', 4310),
      host,
    },
  ]
  return Promise.all(
    wanted.filter(({ port }) => port !== 0).map(({ name, ...options }) => portFinding(name, options)),
  )
}

function fromEnvironment({ env }: CliIo): Database | undefined {
  const url = env['DATABASE_URL']
  return url === undefined || url === '' ? undefined : postgres(url)
}

async function databaseFindings(database: Database | undefined, clock: Clock): Promise<readonly Finding[]> {
  if (database === undefined) return []
  const check = database.kind
  try {
    const found = await database.examine?.({ clock, random: systemRandom, logger: silentLogger })
    return [{ check, status: 'ok', found: `${database.where} answers` }, ...(found ?? [])]
  } catch (error) {
    const why = isHoldfastError(error)
      ? error.message
      : error instanceof Error
        ? reasonOf(error)
        : String(error)
    return [
      {
        check,
        status: 'fail',
        found: `${database.where}: ${why}`,
        advice:
          'Start it, or mend its URL. Until then groups with effects wait, and the collector takes events.',
      },
    ]
  }
}

/** Several addresses of one host are one error without a message. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  return error.message === '' && first instanceof Error ? first.message : error.message
}
