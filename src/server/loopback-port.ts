import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { HoldfastError, systemRandom } from '../event/index.ts'

/**
 * The port kept in `file` when it is free, else another one, so that URLs survive a restart. New ones lie below the
 * range that systems give to outgoing connections: a client that knocks on a stopped server from such a port could
 * take it, or connect to itself.
 */
export async function choosePort(file: string): Promise<number> {
  const kept = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (kept > 0 && kept !== MACHINES_OWN && (await isFree(kept))) return kept
  return await freePort()
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(systemRandom() * 10_000)
    if (await isFree(port)) return port
  }
  throw new HoldfastError('PORT_TAKEN', { detail: 'no free port between 20000 and 29999' })
}

/** Of the PostgreSQL that the machine itself may have, now or after its next update. */
export const MACHINES_OWN = 5432

function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}
