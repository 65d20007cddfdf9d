import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** One line of the process table. */
interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  /** A dead process that its parent has not waited for: `kill(pid, 0)` still finds it, nothing runs in it. */
  readonly zombie: boolean
  /** Opaque; differs for another process that got the same pid later. */
  readonly startedAt: string
}

/** Names this very process, so that a pid that the system gave away again is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number
  readonly startedAt: string
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const entry = lookUp(pid)
  return entry && !entry.zombie ? { pid, startedAt: entry.startedAt } : undefined
}

export function isSameProcessAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt
}

export function isAlive(pid: number): boolean {
  return identityOf(pid) !== undefined
}

export function childrenOf(pid: number): number[] {
  return table()
    .filter(entry => entry.parent === pid && !entry.zombie)
    .map(entry => entry.pid)
}

/** Sends a signal and does not mind when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Whether all of `pids` were gone within `ms`. */
export async function waitUntilGone(pids: readonly number[], ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (pids.some(isAlive)) {
    if (performance.now() > end) return false
    await wait(20)
  }
  return true
}

function lookUp(pid: number): ProcessEntry | undefined {
  if (process.platform === 'linux') return readProc(String(pid))
  return table().find(entry => entry.pid === pid)
}

function table(): ProcessEntry[] {
  if (process.platform !== 'linux') return tableFromPs()
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(readProc).filter(entry => entry !== undefined)
}

/** `/proc` rather than `ps`: slim images have no `ps`. */
function readProc(pid: string): ProcessEntry | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const dead = state === 'Z' || state === 'X'
  return { pid: Number(pid), parent: Number(parent), zombie: dead, startedAt: rest[17] ?? '' }
}

function tableFromPs(): ProcessEntry[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state=,lstart='], { encoding: 'utf8' })
  return text.split('\n').flatMap(line => {
    const [pid, parent, state, ...started] = line.trim().split(/\s+/)
    if (pid === undefined || state === undefined) return []
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        zombie: state.startsWith('Z'),
        startedAt: started.join(' '),
      },
    ]
  })
}
