import { createServer } from 'node:http'
import { HoldfastError } from '../event/index.ts'
import { adminHandler, loopbackNames, type AdminSource } from './admin.ts'
import { fetchListener } from './fetch-listener.ts'
import { listen } from './listen.ts'

export interface AdminServer {
  readonly url: string
  /** Ends open connections. The second call does nothing. */
  close(): Promise<void>
}

export interface AdminServerOptions {
  /** 0 takes any free port. Defaults to 4310. */
  readonly port?: number | undefined
  /** Loopback only, because there is no authentication yet. Defaults to 127.0.0.1. */
  readonly host?: string | undefined
}

/** Serves the admin side on a port of its own. Rejects with `CONFIG_INVALID` for a host that others can reach, and with `PORT_TAKEN`. */
export async function startAdmin(
  source: AdminSource,
  { port = 4310, host = '127.0.0.1' }: AdminServerOptions = {},
): Promise<AdminServer> {
  const name = host === '::1' ? '[::1]' : host
  if (!loopbackNames.includes(name)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `admin host must be 127.0.0.1, ::1 or localhost, got ${host}: the admin side has no authentication. Put a proxy with authentication in front of 127.0.0.1`,
    })
  }
  const listener = fetchListener(adminHandler(source))
  const server = createServer((request, response) => void listener(request, response))
  const bound = await listen(server, { host, port, setBy: 'HOLDFAST_ADMIN_PORT' })
  let closed: Promise<void> | undefined
  return {
    url: `http://${name}:${bound}`,
    close() {
      closed ??= new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      return closed
    },
  }
}
