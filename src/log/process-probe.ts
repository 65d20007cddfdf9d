import { readFileSync } from 'node:fs'

/** Tells whether the process that wrote something into a shared store still runs. */
export interface ProcessProbe {
  readonly self: ProcessIdentity
  /** False only when the process is certainly gone. Undefined when that cannot be known here: time-outs decide then. */
  alive(process: ProcessIdentity): boolean | undefined
}

/** A process id alone is used again after a while; with the boot and the start time it is not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Of the kernel's run; empty where the system has none. */
  readonly bootId: string
  /** Ticks between boot and the start of the process; empty where the system does not say. */
  readonly startedAt: string
}

/** Reads `/proc`. On systems without it nothing is known about other processes, and time-outs decide. */
export function systemProcessProbe(): ProcessProbe {
  const self = { pid: process.pid, bootId: bootId(), startedAt: startedAt(process.pid) ?? '' }
  const known = self.bootId !== '' && self.startedAt !== ''
  return {
    self,
    alive(other) {
      if (!known || other.bootId === '' || other.startedAt === '') return undefined
      return other.bootId === self.bootId && startedAt(other.pid) === other.startedAt
    },
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return '' // not Linux
  }
}

/** Undefined when there is no such process, or when it is a zombie: dead, only not yet waited for. */
function startedAt(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // `pid (name) state … starttime …`: the name may hold spaces and parentheses, so fields are counted after the last.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}
