import { createServer } from 'node:http'
import { listen, type ListenOptions } from './listen.ts'

/** As asked for, with the port that was bound. */
export interface HeldPort extends ListenOptions {
  /** Frees the port for whoever binds it next. */
  release(): Promise<void>
}

/**
 * Takes a port before anything is started that would have to be stopped again if it were taken. Until
 * {@link HeldPort.release} every request is answered 503.
 */
export async function holdPort(options: ListenOptions): Promise<HeldPort> {
  const server = createServer((_request, response) => {
    response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end('Holdfast is starting\n')
  })
  const port = await listen(server, options)
  return {
    ...options,
    port,
    release: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
