import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HoldfastError } from '../event/index.ts'
import type { DatabaseUser } from './database-user.ts'
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
  const draft = join(folder, 'data.new')
  const handover = join(folder, 'password.new')
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(handover, password, { mode: 0o600 })
  user.own(draft)
  user.own(handover)
  const args = ['-D', draft, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${handover}`]
  const command = user.command(binaries.initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-instructions'])
  try {
    await promisify(execFile)(command.file, command.args, { ...command.spawn, cwd: folder })
  } catch (error) {
    throw new HoldfastError('POSTGRES_START_FAILED', {
      detail: `initdb of ${binaries.version} failed: ${(error as { stderr?: string }).stderr?.trim() ?? String(error)}`,
    })
  } finally {
    rmSync(handover, { force: true })
  }
  renameSync(draft, data)
  return password
}
