import type { Server } from 'node:net'
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import type { Clock } from '../event/index.ts'

/** Under more load than is kept up with, somebody always waits. */
const PATIENCE_MS = 500

/**
 * Takes in who has connected and waits in the kernel; closing the server would reset them, with the request that they
 * may have sent. Node takes in one connection in each turn of its loop, so there are many when the loop was busy, or
 * when the answers of one commit closed many connections at once.
 */
export async function takeInBacklog(server: Server, clock: Clock): Promise<void> {
  const until = clock.monotonic() + PATIENCE_MS
  let taken = true
  const onConnection = (): void => void (taken = true)
  server.on('connection', onConnection)
  while (taken && clock.monotonic() < until) {
    taken = false
    await turnOfLoop() // the first ends the turn under way
    await turnOfLoop()
  }
  server.off('connection', onConnection)
}
