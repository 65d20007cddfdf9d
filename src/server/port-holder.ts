import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

interface PortHolder {
  readonly pid: number
  /** Its command line. */
  readonly command: string
}

/** The process that listens on a TCP port of this machine. Undefined where the system does not tell this user. Linux only. */
function portHolder(port: number): PortHolder | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap(file => listeners(read(file), port)))
  if (inodes.size === 0) return undefined
  for (const pid of list('/proc').filter(name => /^\d+$/.test(name))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
      if (inode === undefined || !inodes.has(inode)) continue
      const command = read(`/proc/${pid}/cmdline`).split('\0').join(' ').trim()
      return { pid: Number(pid), command: command.slice(0, MAX_COMMAND) }
    }
  }
  return undefined
}

/** The same in words, to follow "is taken": `by process 12 (node app.js)`. */
export function heldBy(port: number): string {
  const holder = portHolder(port)
  return holder === undefined
    ? 'by a process that this user cannot see'
    : `by process ${holder.pid} (${holder.command})`
}

const MAX_COMMAND = 120
const LISTEN = '0A'

/** Inodes of the listening sockets of a port, from the text of `/proc/net/tcp` (proc_net_tcp(5)): `sl local remote state … inode`. */
function listeners(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && local?.endsWith(`:${hex}`) === true)
    .flatMap(fields => fields[9] ?? [])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // gone since, or of another user
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}
