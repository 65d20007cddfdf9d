import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { Service } from '../../contract/arm.ts'

/** A process of an arm: a child of the runner that faults may hit, and that ends when the runner does. */
export interface ArmProcess extends Required<Service> {
  /** The ports that it told, kept over a restart. */
  readonly ports: Ports
  /** SIGTERM, and SIGKILL when that was not enough. Idempotent, whatever a fault did to it. */
  stop(): Promise<void>
}

export type Ports = Readonly<Record<string, number>>

export interface ProcessOptions {
  readonly name: string
  /** What Node runs: a module and its arguments. `ports` is what a former start of it told. */
  readonly args: (ports: Ports | undefined) => readonly string[]
  readonly env?: (ports: Ports | undefined) => Readonly<Record<string, string>>
  /** The ports, out of the line by which it says that it serves. Undefined for every other line. */
  readonly up: (line: string) => Ports | undefined
  /** Folder for its output, in `NAME.log`. */
  readonly folder: string
}

/** A machine may be slow; only a hang meets these. */
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 15_000
const STATE_LIMIT_MS = 10_000

/** Resolves when it serves. Rejects with its last words when it ends before. */
export async function startProcess(options: ProcessOptions): Promise<ArmProcess> {
  const { name } = options
  let running = await launch(options, undefined)
  const { ports } = running
  const alive = (): Running => {
    if (running.ended()) throw new Error(`${name} is not running: ${running.how()}`)
    return running
  }
  const service: ArmProcess = {
    name,
    ports,
    get pid() {
      return running.ended() ? undefined : running.pid
    },
    async kill() {
      const { pid, child, exited } = alive()
      child.kill('SIGKILL')
      await exited
      return `${name} (pid ${pid}) ended by ${child.signalCode ?? `exit ${child.exitCode}`}`
    },
    async freeze() {
      const { pid, child } = alive()
      child.kill('SIGSTOP')
      await untilState(pid, state => state === 'T')
      return `${name} (pid ${pid}) is stopped`
    },
    async thaw() {
      const { pid, child } = alive()
      child.kill('SIGCONT')
      await untilState(pid, state => state !== 'T')
      return `${name} (pid ${pid}) goes on`
    },
    async restart() {
      if (!running.ended()) throw new Error(`${name} (pid ${running.pid}) is still running`)
      const former = running.pid
      running = await launch(options, ports)
      return `${name} runs again: pid ${former} → ${running.pid}`
    },
    async slow(ms) {
      const { pid, child } = alive()
      const answer = new Promise<void>(resolve => child.once('message', () => resolve()))
      child.send({ slow: ms })
      await answer
      return ms === 0
        ? `${name} (pid ${pid}) is as fast as before`
        : `${name} (pid ${pid}) takes ${ms} ms longer`
    },
    async stop() {
      if (running.ended()) return
      const { child, exited } = running
      // A stopped process would hold its SIGTERM back.
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const patience = new AbortController()
      const late = wait(STOP_LIMIT_MS, undefined, { signal: patience.signal }).then(
        () => child.kill('SIGKILL'),
        () => false,
      )
      await exited
      patience.abort()
      await late
    },
  }
  return service
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly ports: Ports
  readonly exited: Promise<void>
  ended(): boolean
  how(): string
}

/** What the user has set for an app of their own, such as its port, is not meant for an arm. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = (name: string): boolean => name.startsWith('HOLDFAST_') || name === 'DATABASE_URL'
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours(name)))
}

async function launch({ name, args, env, up, folder }: ProcessOptions, known?: Ports): Promise<Running> {
  const child = spawn(process.execPath, [...args(known)], {
    env: { ...withoutOurs(process.env), NODE_NO_WARNINGS: '1', ...env?.(known) },
    // Ctrl-C in a terminal is for the runner, which stops its arms in order. The channel ends them when it cannot.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  const exited = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve()) // it could not even be started
  })
  const lastLines: string[] = []
  const how = (): string =>
    `${child.signalCode ?? `exit ${child.exitCode}`}; it said: ${lastLines.join(' | ')}`
  const told = Promise.withResolvers<Ports>()
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', line => {
      appendFileSync(path.join(folder, `${name}.log`), `${line}\n`)
      lastLines.push(line)
      if (lastLines.length > 10) lastLines.shift()
      const ports = up(line)
      if (ports) told.resolve(ports)
    })
  }
  void exited.then(() => told.reject(new Error(`${name} ended before it served: ${how()}`)))
  const patience = setTimeout(() => {
    told.reject(
      new Error(`${name} does not serve after ${START_LIMIT_MS} ms; it said: ${lastLines.join(' | ')}`),
    )
    child.kill('SIGKILL')
  }, START_LIMIT_MS)
  try {
    const ports = await told.promise
    return { child, pid: child.pid as number, ports, exited, ended, how }
  } finally {
    clearTimeout(patience)
  }
}

/** Waits for the kernel's letter of a process; `T` is stopped. Linux only, as freezing is. */
export async function untilState(pid: number, is: (state: string) => boolean): Promise<void> {
  const end = performance.now() + STATE_LIMIT_MS
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = ''] = stat.slice(stat.lastIndexOf(')') + 2)
    if (is(state)) return
    if (performance.now() > end) throw new Error(`pid ${pid} is in state ${state} after ${STATE_LIMIT_MS} ms`)
    await wait(10)
  }
}
