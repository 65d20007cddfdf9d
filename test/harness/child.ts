import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { onTestFailed, onTestFinished } from 'vitest'
import { childrenOf } from '../../src/server/processes.ts'
import { until } from './until.ts'

/** A process that a test started, with what it said. Each fault answers what was seen of it; a test asserts that. */
export interface Child {
  readonly name: string
  readonly pid: number
  /** Whole lines so far. */
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** Settles when the process is gone. */
  readonly exited: Promise<Exit>
  /** The first line of stdout that matches, said already or still to come. Rejects when the process ends without it. */
  line(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>
  /** SIGKILL. Answers how the process ended, as its parent saw it. */
  kill(): Promise<Exit>
  /** SIGTERM, and the end that follows. */
  terminate(): Promise<Exit>
  /** SIGSTOP: resolves when the kernel shows every thread stopped. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

export interface Exit {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ChildOptions {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Defaults to that of the test. */
  readonly cwd?: string
  /** Goes before the command, such as `ip netns exec NAME`; a program that becomes the one that it starts. */
  readonly within?: readonly string[]
}

/** Starts this Node with `args`. What is left of it when the test ends is killed, its own children too. */
export async function startChild({ name, args, env, cwd, within = [] }: ChildOptions): Promise<Child> {
  const [file = '', ...rest] = [...within, process.execPath, ...args]
  const child = spawn(file, rest, {
    cwd,
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    // 'close' comes after 'exit' and after the last line of output.
    child.once('close', (code, signal) => resolve({ pid: child.pid ?? -1, code, signal }))
  })
  let exit: Exit | undefined
  void exited.then(seen => (exit = seen))
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  const pid = child.pid as number
  if (!childrenOf(process.pid).includes(pid) && !exit)
    throw new Error(`${name}: ${pid} is no child of the test`)
  const send = (signal: NodeJS.Signals): void => {
    if (exit) throw new Error(`${name} is gone already: ${told(exit, stderr)}`)
    process.kill(pid, signal)
  }
  onTestFailed(() => {
    const end = exit ? `ended: ${told(exit, stderr)}` : `said at last: ${stderr.slice(-15).join('\n')}`
    process.stderr.write(`${name} (${pid}) ${end}\n`)
  })
  onTestFinished(async () => {
    if (!exit) process.kill(pid, 'SIGKILL')
    await exited
  })
  return {
    name,
    pid,
    stdout,
    stderr,
    exited,
    line: (pattern, limitMs) =>
      until(
        `${name} says ${pattern}`,
        () => {
          const found = stdout.map(line => pattern.exec(line)).find(match => match !== null)
          if (!found && exit) return { gone: exit }
          return found
        },
        limitMs,
      ).then(found => {
        if ('gone' in found)
          throw new Error(`${name} ended without saying ${pattern}: ${told(found.gone, stderr)}`)
        return found
      }),
    kill: async () => {
      send('SIGKILL')
      return await exited
    },
    terminate: async () => {
      send('SIGTERM')
      return await exited
    },
    freeze: async () => {
      send('SIGSTOP')
      await until(`${name} is stopped`, () => stateOf(pid) === 'T')
    },
    thaw: async () => {
      send('SIGCONT')
      await until(`${name} goes on`, () => stateOf(pid) !== 'T')
    },
  }
}

/** The kernel's letter for what a process does; `T` is stopped. Linux only, as SIGSTOP tests are. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}

function collect(stream: NodeJS.ReadableStream): string[] {
  const lines: string[] = []
  createInterface({ input: stream }).on('line', line => lines.push(line))
  return lines
}

function told({ code, signal }: Exit, stderr: readonly string[]): string {
  return `exit ${code ?? signal}; it said: ${stderr.slice(-15).join('\n') || 'nothing'}`
}
