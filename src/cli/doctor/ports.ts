import { createServer } from 'node:http'
import type { Finding } from '../../event/index.ts'
import { isHoldfastError } from '../../event/index.ts'
import { listen, type ListenOptions } from '../../server/listen.ts'
import { heldBy } from '../../server/port-holder.ts'

/** Whether a port is free now, and who has it. Taken is a warning only: it may be the app itself that runs. */
export async function portFinding(name: string, options: ListenOptions): Promise<Finding> {
  const check = `port ${options.port} (${name})`
  const server = createServer()
  try {
    await listen(server, options)
    return { check, status: 'ok', found: 'free' }
  } catch (error) {
    if (!isHoldfastError(error, 'PORT_TAKEN')) throw error
    return {
      check,
      status: 'warn',
      found: `taken ${heldBy(options.port)}`,
      advice: `Unless that is this app: stop it, or set ${options.setBy}.`,
    }
  } finally {
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
}
