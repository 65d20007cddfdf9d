import type { Server } from 'node:http'
import { HoldfastError } from '../event/index.ts'
import { heldBy } from './port-holder.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** What changes it, for people: a variable such as `HOLDFAST_PORT`, or an option in words. */
  readonly setBy: string
}

/** Binds `server` and answers its port. A taken port rejects with `PORT_TAKEN`, naming port, holder and variable. */
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
  const why = code === 'EACCES' ? 'may not be used by this user' : `is taken ${heldBy(port)}`
  const another = port < 60_000 ? port + 1_000 : port - 1_000
  const example = /^\w+$/.test(setBy) ? `${setBy}=${another}` : another
  return new HoldfastError('PORT_TAKEN', {
    detail: `port ${port} on ${host} ${why}; choose another by ${setBy}, for example ${example}`,
    cause: error,
  })
}
