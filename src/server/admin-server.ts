import { createServer } from 'node:http'
import { HoldfastError } from '../event/index.ts'
import type { AccessToken } from './access.ts'
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
  /** One that others can reach needs `tokens`. Defaults to 127.0.0.1. */
  readonly host?: string | undefined
  /** Who may use it, as what. With any, everybody needs one. Defaults to none: whoever is on this machine may do all. */
  readonly tokens?: readonly AccessToken[] | undefined
}

/** Serves the admin side on a port of its own. Rejects with `CONFIG_INVALID` for a host that others can reach, and with `PORT_TAKEN`. */
export async function startAdmin(
  source: AdminSource,
  { port = 4310, host = '127.0.0.1', tokens = [] }: AdminServerOptions = {},
): Promise<AdminServer> {
  const name = host.includes(':') ? `[${host}]` : host
  if (host === '' || (tokens.length === 0 && !loopbackNames.includes(name))) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `admin host must be 127.0.0.1, ::1 or localhost, got ${host || 'nothing'}: others could reach it, and it has no tokens. Set HOLDFAST_ADMIN_TOKENS=name:admin:TOKEN`,
    })
  }
  const listener = fetchListener(adminHandler(source, { tokens }))
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
