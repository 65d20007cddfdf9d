import type { Server } from 'node:http'
import { HoldfastError } from '../event/index.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** What the port is for and what changes it, for people: `HOLDFAST_PORT`. */
  readonly setBy: string
}

/** Binds `server` and answers its port. A taken port rejects with `PORT_TAKEN`, naming port and variable. */
export function listen(server: Server, options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(portError(error, options)))
    server.listen(options.port, options.host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : options.port)
    })
  })
}

/** What the system says about a port, as `PORT_TAKEN` where that is what it means. */
export function portError(error: unknown, { host, port, setBy }: ListenOptions): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const why = code === 'EACCES' ? 'may not be used by this user' : 'is taken'
  return new HoldfastError('PORT_TAKEN', {
    detail: `port ${port} on ${host} ${why}; choose another by ${setBy}, for example ${setBy}=${port + 1000}`,
    cause: error,
  })
}
