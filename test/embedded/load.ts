import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** What `load-child.ts` has said in one run. */
export interface Load {
  readonly lines: string[]
  /** Resolves when it has said a line that begins so; rejects when it ends without. */
  said(beginning: string): Promise<void>
  /** Waits until it has ended by itself and all that it said is here; kills it when that takes longer than `ms`. */
  endedWithin(ms: number): Promise<{ readonly code: number | null }>
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
const running = new Set<Load>()

/** For afterEach: what a failed test has left. */
export async function killLoads(): Promise<void> {
  await Promise.all([...running].map(load => load.kill()))
}

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
  const closed = once(started, 'close').then(([code]) => {
    over = true
    running.delete(load)
    changed()
    return code as number | null
  })
  const kill = (): void => {
    try {
      if (started.pid !== undefined) process.kill(-started.pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  const load: Load = {
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
    async endedWithin(ms) {
      const timer = setTimeout(kill, ms)
      const code = await closed
      clearTimeout(timer)
      return { code }
    },
    async kill() {
      kill()
      await closed
    },
  }
  running.add(load)
  return load
}
