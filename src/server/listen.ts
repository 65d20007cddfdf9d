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
export function listen(server: Server, { host, port, setBy }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return reject(error)
      const why = error.code === 'EACCES' ? 'may not be used by this user' : 'is taken'
      reject(
        new HoldfastError('PORT_TAKEN', {
          detail: `port ${port} on ${host} ${why}; choose another by ${setBy}, for example ${setBy}=${port + 1000}`,
          cause: error,
        }),
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
