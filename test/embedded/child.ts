import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process of a test that says, line by line, what happens to it. */
export interface Child {
  /** What it has said. */
  readonly lines: string[]
  /** What it wrote to stderr. */
  errors(): string
  /** Resolves when it has said a line that begins so, not counting the first `after`; rejects when it ends without. */
  said(beginning: string, after?: number): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Waits until it has ended by itself and all that it said is here; kills it when that takes longer than `ms`. */
  endedWithin(ms: number): Promise<{ readonly code: number | null }>
  /** Kills it, if it still runs. */
  kill(): Promise<void>
}

export interface ChildOptions {
  /** Runs the child under this, for example strace. */
  readonly under?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<Child>()

/** For afterEach: what a failed test has left. */
export async function killChildren(): Promise<void> {
  await Promise.all([...running].map(child => child.kill()))
}

/** Starts a script of this folder. */
export function startChild(
  script: string,
  args: readonly string[],
  { under = [], env = {} }: ChildOptions = {},
): Child {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const [command = '', ...rest] = [...under, process.execPath, file, ...args]
  // A group of its own: who kills only strace sets its child free.
  const started = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let partial = ''
  let errors = ''
  let over = false
  const changed = (): void => {
    for (const look of waiting) look()
  }
  started.stdout.setEncoding('latin1').on('data', (text: string) => {
    const parts = (partial + text).split('\n')
    partial = parts.pop() ?? '' // the end of what a killed process has said may be cut
    lines.push(...parts)
    changed()
  })
  started.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const closed = once(started, 'close').then(([code]) => {
    over = true
    running.delete(child)
    changed()
    return code as number | null
  })
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (started.pid !== undefined) process.kill(-started.pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  const child: Child = {
    lines,
    errors: () => errors,
    signal,
    said: (beginning, after = 0) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (lines.slice(after).some(line => line.startsWith(beginning))) resolve()
          else if (over)
            reject(
              new Error(
                `the child ended without "${beginning}": ${lines.slice(-3).join(' / ')} ${errors.slice(-2_000)}`,
              ),
            )
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
    async endedWithin(ms) {
      const timer = setTimeout(signal, ms, 'SIGKILL')
      const code = await closed
      clearTimeout(timer)
      return { code }
    },
    async kill() {
      signal('SIGKILL')
      await closed
    },
  }
  running.add(child)
  return child
}
