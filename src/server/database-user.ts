import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import { HoldfastError } from '../event/index.ts'

/** How to start a program that refuses to run as root, such as PostgreSQL. */
export interface DatabaseUser {
  /** Gives a file or folder to the user that the program will run as. */
  own(path: string): void
  /** The command line and spawn options that start `program` as that user; the child keeps its own pid. */
  command(program: string, args: readonly string[]): UserCommand
}

export interface UserCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly spawn: { readonly uid?: number; readonly gid?: number }
}

/**
 * The user for a server whose programs and data stand at `paths`: ourselves, unless we are root. As root it is
 * `postgres` when that user exists, else `nobody`; no user is created, so nothing is left behind on the machine.
 */
export function databaseUser(paths: readonly string[]): DatabaseUser {
  if (process.getuid?.() !== 0) return { own() {}, command: (file, args) => ({ file, args, spawn: {} }) }
  const { uid, gid } = unprivileged()
  const own = (path: string): void => chownSync(path, uid, gid)
  const blocked = paths.filter(path => !reaches(path, uid, gid))
  if (blocked.length === 0) return { own, command: (file, args) => ({ file, args, spawn: { uid, gid } }) }
  if (!hasSetpriv()) {
    throw new HoldfastError('POSTGRES_UNAVAILABLE', {
      detail:
        `PostgreSQL does not run as root, and user ${uid} may not pass through ${blocked.join(' and ')}; ` +
        'run as an ordinary user, use a folder outside /root, or install setpriv (util-linux)',
    })
  }
  return { own, command: (file, args) => throughRootOnlyFolders(uid, gid, file, args) }
}

/**
 * Below a folder that only root may enter (`/root`, many containers) the server gets, beside its own user, the one
 * capability that passes file permissions. That is less than the root we already are.
 */
function throughRootOnlyFolders(
  uid: number,
  gid: number,
  file: string,
  args: readonly string[],
): UserCommand {
  const drop = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  // initdb asks access(2), which looks away from capabilities unless the fix-up is off.
  const keep = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return { file: 'setpriv', args: [...drop, ...keep, '--', file, ...args], spawn: {} }
}

function unprivileged(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' })
    const gid = spawnSync('id', ['-g', name], { encoding: 'utf8' })
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new HoldfastError('POSTGRES_UNAVAILABLE', {
    detail: 'PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody',
  })
}

/** Asked of the system itself: modes, groups, access lists and mounts all have a say. */
function reaches(path: string, uid: number, gid: number): boolean {
  return spawnSync('test', ['-x', path], { uid, gid, cwd: '/' }).status === 0
}

function hasSetpriv(): boolean {
  try {
    // The setpriv of busybox has no --reuid.
    return execFileSync('setpriv', ['--help'], { encoding: 'utf8' }).includes('--reuid')
  } catch {
    return false
  }
}
