import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { HoldfastError } from '../../event/index.ts'
import { livingOwner } from '../folder-claim.ts'
import { identityOf, signal, waitUntilGone } from '../processes.ts'
import { rotateFile } from '../rotate-file.ts'
import { kafkaAnswers } from './kafka-answers.ts'
import { javaEnv, type KafkaInstallation } from './kafka-installation.ts'
import type { NodePlace } from './server-properties.ts'

/** One node of a local cluster, broker and controller in one process that is a child of this one. */
export interface KafkaNode {
  readonly id: number
  /** `host:port` for clients. */
  readonly address: string
  /** The same for a listener that was added. */
  addressOf(listener: string): string
  /** Undefined while it is down. */
  readonly pid: number | undefined
  /** Where its own output goes. */
  readonly logFile: string
  /** Resolves when the process that runs now is gone, for whatever reason; at once while it is down. */
  readonly exited: Promise<void>
  /** On what it kept. Resolves when it answers. Errors: `KAFKA_START_FAILED`, with what it said. */
  start(): Promise<void>
  /** In order: its leaderships go to others first. Killed if that takes long. Idempotent; also ends a paused one. */
  stop(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void
  resume(): void
}

export interface NodeOptions {
  readonly place: NodePlace
  readonly kafka: KafkaInstallation
  readonly heapMb: number
  readonly jvm: readonly string[]
  /** Goes before the command, such as `ip netns exec n1`. */
  readonly prefix: readonly string[]
}

/** A killed member is let in again only when its former session is over, which is 9 s by default. */
const START_TIMEOUT_MS = 180_000
/** The last ones to end have no quorum left that could take their leaderships, and would wait for minutes. */
const STOP_MS = 6_000
const MAX_LOG_BYTES = 10_000_000

/** Nothing is started yet. Its folder must have been formatted and hold `server.properties`. */
export function kafkaNode(options: NodeOptions): KafkaNode {
  const { place } = options
  const logFile = join(place.folder, 'log')
  let running:
    { readonly child: ChildProcess; readonly pid: number; readonly exited: Promise<void> } | undefined

  const start = async (): Promise<void> => {
    if (running) return
    const logStart = existsSync(logFile) ? statSync(logFile).size : 0
    const child = launch(options, logFile)
    const exited = endOf(child).then(() => {
      if (running?.child === child) running = undefined
    })
    if (child.pid !== undefined) running = { child, pid: child.pid, exited }
    // It may be gone already; then there is nothing for the next start to stop.
    const identity = child.pid === undefined ? undefined : identityOf(child.pid)
    if (identity) writeFileSync(noteFile(place.folder), JSON.stringify(identity))
    const rotating = setInterval(() => rotateFile(logFile, MAX_LOG_BYTES), 5_000).unref()
    void exited.then(() => clearInterval(rotating))
    if (await answersInTime(place, () => running?.child === child)) return
    if (running?.child === child) signal(child.pid as number, 'SIGKILL')
    await exited
    throw new HoldfastError('KAFKA_START_FAILED', {
      detail: `node ${place.id} ended: ${lastWords(logFile, logStart)} (log: ${logFile})`,
    })
  }
  return {
    id: place.id,
    address: addressOf(place, 'PLAINTEXT'),
    addressOf: listener => addressOf(place, listener),
    logFile,
    get pid() {
      return running?.pid
    },
    get exited() {
      return running?.exited ?? Promise.resolve()
    },
    start,
    stop: async () => {
      const now = running
      if (!now) return
      await endProcess(now.pid)
      await now.exited
    },
    kill: async () => {
      const now = running
      if (!now) return
      signal(now.pid, 'SIGKILL')
      await now.exited
    },
    pause: () => {
      if (running) signal(running.pid, 'SIGSTOP')
    },
    resume: () => {
      if (running) signal(running.pid, 'SIGCONT')
    },
  }
}

/** Ends the node that a process which was killed left behind on this folder. */
export async function endLeftNode(folder: string): Promise<number | undefined> {
  const left = livingOwner(noteFile(folder))
  if (left) await endProcess(left.pid)
  rmSync(noteFile(folder), { force: true })
  return left?.pid
}

function noteFile(folder: string): string {
  return join(folder, 'process.json')
}

function addressOf({ host, ports }: NodePlace, listener: string): string {
  return `${host}:${ports[listener]}`
}

async function endProcess(pid: number): Promise<void> {
  signal(pid, 'SIGCONT')
  signal(pid, 'SIGTERM')
  if (await waitUntilGone([pid], STOP_MS)) return
  signal(pid, 'SIGKILL')
  await waitUntilGone([pid], 20_000)
}

function launch({ place, kafka, heapMb, jvm, prefix }: NodeOptions, logFile: string): ChildProcess {
  writeFileSync(join(place.folder, LOGGING), log4j2)
  const args = [
    '-Xms96m',
    `-Xmx${heapMb}m`,
    '-XX:+ExitOnOutOfMemoryError',
    ...jvm,
    `-Dlog4j2.configurationFile=${LOGGING}`,
  ]
  const java = [kafka.java, ...args, '-cp', kafka.classPath, 'kafka.Kafka', 'server.properties']
  const [file = '', ...rest] = [...dieWithUs(), ...prefix, ...java]
  const log = openSync(logFile, 'a')
  // A session of its own: Ctrl-C in the terminal must not stop the log before its readers have drained.
  const child = spawn(file, rest, {
    cwd: place.folder,
    env: javaEnv(),
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  return child
}

let parentDeath: readonly string[] | undefined

/** Where the system can do it, a node ends with this process, however that ends. Elsewhere the next start ends it. */
function dieWithUs(): readonly string[] {
  const prefix = ['setpriv', '--pdeathsig', 'KILL', '--']
  const [file = '', ...args] = prefix
  parentDeath ??=
    process.platform === 'linux' && spawnSync(file, [...args, 'true']).status === 0 ? prefix : []
  return parentDeath
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(done => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
}

async function answersInTime({ host, ports }: NodePlace, lives: () => boolean): Promise<boolean> {
  const end = performance.now() + START_TIMEOUT_MS
  while (performance.now() < end && lives()) {
    if (await kafkaAnswers(host, ports['PLAINTEXT'] ?? 0, 2_000)) return lives()
    await wait(100)
  }
  return false
}

function lastWords(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n')
  const telling = lines.filter(line => /ERROR|FATAL|Exception|Error:|cannot|denied/.test(line))
  return (telling.length > 0 ? telling : lines).slice(-4).join(' | ').slice(-2_000) || 'it said nothing'
}

const LOGGING = 'log4j2.properties'

const log4j2 = `rootLogger.level=warn
rootLogger.appenderRef.0.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c %m%n
`
