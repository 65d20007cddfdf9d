import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../event/index.ts'
import type { DatabaseUser, UserCommand } from './database-user.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'

/**
 * Makes the cluster `data` in `folder` unless it is there; answers the password of its user `postgres`. It is made
 * under another name and moved, so that a half-made one is never started.
 */
export async function makeCluster(
  binaries: PostgresBinaries,
  user: DatabaseUser,
  folder: string,
): Promise<string> {
  const passwordFile = join(folder, 'password')
  const data = join(folder, 'data')
  if (existsSync(data)) return readFileSync(passwordFile, 'utf8')
  const password = randomBytes(18).toString('base64url')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  // Never a name that was used before: the initdb of a process that was killed goes on for a moment.
  for (const name of readdirSync(folder).filter(name => name.startsWith('data.new'))) {
    rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 10 })
  }
  const draft = join(folder, `data.new.${process.pid}`)
  const handover = join(folder, 'password.new')
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(handover, password, { mode: 0o600 })
  user.own(draft)
  user.own(handover)
  const args = ['-D', draft, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${handover}`]
  const command = user.command(binaries.initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-instructions'])
  try {
    const said = await runInitdb(command, folder)
    if (said !== undefined) {
      throw new HoldfastError('POSTGRES_START_FAILED', {
        detail: `initdb of ${binaries.version} failed: ${said}`,
      })
    }
  } finally {
    rmSync(handover, { force: true })
  }
  renameSync(draft, data)
  return password
}

/** Undefined when it succeeded, else what it said. */
async function runInitdb(
  { file, args, spawn: as }: UserCommand,
  folder: string,
): Promise<string | undefined> {
  // A session of its own, as for the server: Ctrl-C is for us to handle.
  const child = spawn(file, args, { ...as, cwd: folder, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : said.trim() || `${code ?? signal}`),
    )
  })
}
