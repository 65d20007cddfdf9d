import { spawn, type ChildProcess } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { HoldfastError, silentLogger, type Logger } from '../event/index.ts'
import { databaseUser, type DatabaseUser } from './database-user.ts'
import { claimFolder, livingOwner, type FolderClaim } from './folder-claim.ts'
import { choosePort, MACHINES_OWN } from './loopback-port.ts'
import { makeCluster } from './postgres-cluster.ts'
import { rotateFile } from './rotate-file.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { childrenOf, identityOf, isAlive, signal, waitUntilGone } from './processes.ts'

export interface LocalPostgresOptions {
  /** Holds the cluster, its port and its password. Made when missing; a crashed server recovers from it. */
  readonly dataDir: string
  /** Never 5432. Defaults to a free port, which the folder keeps. */
  readonly port?: number
  /** The server's own output is appended here. */
  readonly logFile: string
  /** Above this the log file becomes `.1`, and the former `.1` is gone. Defaults to 10 MB. */
  readonly maxLogBytes?: number
  readonly logger?: Logger
  /** Where a PostgreSQL may come from, best first. Defaults to both. */
  readonly sources?: readonly PostgresBinaries['kind'][]
  /** Server settings such as `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A real PostgreSQL that is a child of this process and listens on loopback only. */
export interface LocalPostgres {
  /** With user and password, to the database `postgres`. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Such as `18.4`. */
  readonly version: string
  readonly kind: PostgresBinaries['kind']
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>
  /** Ends sessions, writes a checkpoint and ends. Idempotent; also ends a paused server. */
  stop(): Promise<void>
  /** SIGKILL to the server and all its backends; resolves when they are gone. Start again on the same folder. */
  kill(): Promise<void>
  /** SIGSTOP to the server and all its backends: connections stay open and nothing answers. */
  pause(): void
  resume(): void
}

/**
 * Starts PostgreSQL for development and tests. The server outlives a `kill -9` of this process; the next start on the
 * same folder stops it first. Errors: `POSTGRES_UNAVAILABLE` (none installed), `POSTGRES_IN_USE` (a living process
 * owns the folder), `POSTGRES_START_FAILED` (with what the server said), `CONFIG_INVALID`.
 */
export async function startPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const folder = resolve(options.dataDir)
  const logger = options.logger ?? silentLogger
  if (options.port === MACHINES_OWN) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `port must not be ${MACHINES_OWN}, which belongs to the machine`,
    })
  }
  mkdirSync(folder, { recursive: true })
  mkdirSync(dirname(resolve(options.logFile)), { recursive: true })
  const claim = claimServer(folder)
  try {
    const binaries = choose(options, folder)
    const user = databaseUser([binaries.postgres, folder])
    await stopLeftover(folder, logger)
    const password = await makeCluster(binaries, user, folder)
    const running = await startServer({ options, folder, binaries, user })
    void running.exited.then(() => claim.release())
    return {
      ...running,
      url: `postgres://postgres:${password}@127.0.0.1:${running.port}/postgres`,
      version: binaries.version,
      kind: binaries.kind,
    }
  } catch (error) {
    claim.release()
    throw error
  }
}

function claimServer(folder: string): FolderClaim {
  return claimFolder(
    join(folder, 'owner.json'),
    ({ pid }) =>
      new HoldfastError('POSTGRES_IN_USE', { detail: `process ${pid} owns ${folder}`, facts: { pid } }),
  )
}

/**
 * Deletes a cluster and its folder for good, and stops the server that a killed process left behind there. Nothing
 * where there is none. `POSTGRES_IN_USE` while a living process owns the folder.
 */
export async function removePostgres(dataDir: string, logger: Logger = silentLogger): Promise<void> {
  const folder = resolve(dataDir)
  if (!existsSync(folder)) return
  const claim = claimServer(folder)
  try {
    await stopLeftover(folder, logger)
    // The claim goes with it, last of all as seen from outside: a new one cannot be made in a folder that is not there.
    rmSync(folder, { recursive: true, force: true })
  } finally {
    claim.release()
  }
}

/** SIGKILL to the server that a start in this process may just have launched, for an end that waits for nothing. */
export async function abandonPostgres(dataDir: string): Promise<void> {
  const left = livingOwner(join(dataDir, 'server.json'))
  if (left) await killServer(left.pid)
}

/** A cluster can be read by its own major version only. */
function choose(options: LocalPostgresOptions, folder: string): PostgresBinaries {
  const { found, tried } = findPostgresBinaries(options.sources ?? ['embedded', 'path'])
  const versionFile = join(folder, 'data', 'PG_VERSION')
  const major = existsSync(versionFile) ? Number(readFileSync(versionFile, 'utf8')) : undefined
  const fitting = found.find(binaries => major === undefined || binaries.major === major)
  if (fitting) return fitting
  const wrong = found.map(binaries => `${binaries.postgres}: version ${binaries.version}, not ${major}`)
  const data = major === undefined ? '' : ` for the data of version ${major} in ${folder}`
  throw new HoldfastError('POSTGRES_UNAVAILABLE', {
    detail: `none found${data} (${[...tried, ...wrong].join('; ')})`,
  })
}

/** Stops the server of a former run whose process was killed. */
async function stopLeftover(folder: string, logger: Logger): Promise<void> {
  const left = livingOwner(join(folder, 'server.json'))
  if (left) {
    await endServer(left.pid)
    logger.warn({ pid: left.pid, folder }, 'stopped a PostgreSQL that a former run left behind')
  }
  // A dead server that nobody waited for still has a pid, and PostgreSQL would take it for a living one.
  const lockFile = join(folder, 'data', 'postmaster.pid')
  const locker = existsSync(lockFile) ? Number.parseInt(readFileSync(lockFile, 'utf8'), 10) : undefined
  if (locker !== undefined && !isAlive(locker)) rmSync(lockFile, { force: true })
}

/** Ctrl-C is over within 10 s, and the handlers that are waited for come first. */
const SHUTDOWN_MS = 4_000

/** Fast shutdown; a server that does not end in time is killed, which costs it a recovery and no data. */
async function endServer(pid: number): Promise<void> {
  for (const one of [...childrenOf(pid), pid]) signal(one, 'SIGCONT')
  signal(pid, 'SIGINT')
  if (!(await waitUntilGone([pid], SHUTDOWN_MS))) await killServer(pid)
}

async function killServer(pid: number): Promise<void> {
  const all = [pid, ...childrenOf(pid)]
  for (const one of all) signal(one, 'SIGKILL')
  await waitUntilGone(all, 20_000)
}

interface Setup {
  readonly options: LocalPostgresOptions
  readonly folder: string
  readonly binaries: PostgresBinaries
  readonly user: DatabaseUser
}

type Running = Pick<LocalPostgres, 'port' | 'pid' | 'exited' | 'stop' | 'kill' | 'pause' | 'resume'>

/** How long recovery after a crash may take. */
const START_TIMEOUT_MS = 120_000
/** Backends of a killed server end on their own, but not at once; until then the new server refuses to start. */
const FORMER_BACKENDS_MS = 15_000

async function startServer(setup: Setup): Promise<Running> {
  const formerGoneBy = performance.now() + FORMER_BACKENDS_MS
  for (let attempt = 1; ; attempt++) {
    const port = setup.options.port ?? (await choosePort(join(setup.folder, 'port')))
    const end = await launch(setup, port)
    if (typeof end !== 'string') return end
    const formerLives = /shared memory block|lock file .* already exists/.test(end)
    const portTaken = /could not bind|Address already in use/.test(end) && setup.options.port === undefined
    const again = formerLives ? performance.now() < formerGoneBy : portTaken && attempt < 5
    if (!again) {
      throw new HoldfastError('POSTGRES_START_FAILED', {
        detail: `PostgreSQL ${setup.binaries.version} in ${setup.folder} ended: ${end} (log: ${setup.options.logFile})`,
      })
    }
    await wait(100)
  }
}

/** The running server, or its last words. */
async function launch(setup: Setup, port: number): Promise<Running | string> {
  const { options, folder, binaries, user } = setup
  const { logFile, maxLogBytes = 10_000_000 } = options
  // What a former run left; while this start is under way the file stays, because its last words are read there.
  rotateFile(logFile, maxLogBytes)
  const logStart = existsSync(logFile) ? statSync(logFile).size : 0
  const settings = { ...fixedSettings, port: String(port), ...options.settings }
  const args = ['-D', join(folder, 'data')]
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  const command = user.command(binaries.postgres, args)
  const log = openSync(logFile, 'a')
  // A session of its own: Ctrl-C in the terminal must not stop the database before the consumers have drained.
  const child = spawn(command.file, command.args, {
    ...command.spawn,
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  // It may be gone already; then there is nothing for the next start to stop.
  const identity = child.pid === undefined ? undefined : identityOf(child.pid)
  if (identity) writeFileSync(join(folder, 'server.json'), JSON.stringify(identity))
  const exited = endOf(child)
  if (!(await ready(child, folder))) {
    if (child.pid !== undefined && child.exitCode === null) await killServer(child.pid)
    await exited
    return lastWords(logFile, logStart)
  }
  keepSmall(logFile, maxLogBytes, exited)
  const pid = child.pid as number
  writeFileSync(join(folder, 'port'), String(port))
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  const everyone = (name: NodeJS.Signals): void => {
    if (!ended()) for (const one of [pid, ...childrenOf(pid)]) signal(one, name)
  }
  return {
    port,
    pid,
    exited,
    stop: async () => {
      if (!ended()) await endServer(pid)
      await exited
    },
    kill: async () => {
      if (!ended()) await killServer(pid)
      await exited
    },
    pause: () => everyone('SIGSTOP'),
    resume: () => everyone('SIGCONT'),
  }
}

/** Loopback TCP only; no socket file, whose path could be too long or shared. */
const fixedSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  lc_messages: 'C',
  // The shared memory of a container is often 64 MB.
  dynamic_shared_memory_type: process.platform === 'win32' ? 'windows' : 'mmap',
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(done => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
}

/** The server writes `ready` as the eighth line of its lock file when it takes connections. */
async function ready(child: ChildProcess, folder: string): Promise<boolean> {
  const lockFile = join(folder, 'data', 'postmaster.pid')
  const end = performance.now() + START_TIMEOUT_MS
  while (performance.now() < end) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false
    const lines = existsSync(lockFile) ? readFileSync(lockFile, 'utf8').split('\n') : []
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true
    await wait(20)
  }
  return false
}

function lastWords(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n')
  const fatal = lines.filter(line => /FATAL|ERROR|HINT|cannot|denied/.test(line))
  return (fatal.length > 0 ? fatal : lines).slice(-4).join(' | ') || 'it said nothing'
}

const ROTATE_EVERY_MS = 2_000

/** Holds up neither the end of this process nor that of the server. */
function keepSmall(logFile: string, maxBytes: number, exited: Promise<void>): void {
  const timer = setInterval(() => rotateFile(logFile, maxBytes), ROTATE_EVERY_MS).unref()
  void exited.then(() => clearInterval(timer))
}
