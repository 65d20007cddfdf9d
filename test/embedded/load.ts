import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** What `load-child.ts` has said in one run. */
export interface Load {
  readonly lines: string[]
  /** Resolves when it has said a line that begins so; rejects when it ends without. */
  said(beginning: string): Promise<void>
  /** Resolves when it has ended and all that it said is here. */
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Kills it, if it still runs. */
  kill(): Promise<void>
}

export interface LoadOptions {
  /** Lines of a former run whose events are sent again. */
  readonly again?: readonly string[]
  /** Runs the child under this, for example strace. */
  readonly under?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

let runs = 0

export function startLoad(folder: string, { again = [], under = [], env = {} }: LoadOptions = {}): Load {
  const child = new URL('load-child.ts', import.meta.url).pathname
  const [command = '', ...args] = [...under, process.execPath, child, folder, `run${++runs}`, ...again]
  // A group of its own: who kills only strace sets its child free.
  const started = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  let errors = ''
  let over = false
  const changed = (): void => {
    for (const look of waiting) look()
  }
  started.stdout.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? '' // the end of what a killed process has said may be cut
    lines.push(...parts)
    changed()
  })
  started.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const closed = once(started, 'close').then(([code, signal]) => {
    over = true
    changed()
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  return {
    lines,
    said: beginning =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (lines.some(line => line.startsWith(beginning))) resolve()
          else if (over)
            reject(
              new Error(
                `the load ended without "${beginning}": ${lines.slice(-3).join(' / ')} ${errors.slice(-2_000)}`,
              ),
            )
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
    ended: () => closed,
    async kill() {
      try {
        if (started.pid !== undefined) process.kill(-started.pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
      await closed
    },
  }
}
