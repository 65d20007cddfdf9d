import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server on which answers get lost: what was asked is done, and the connection is reset instead of the answer. */
export interface LossyProxy {
  readonly port: number
  /** Where it leads to, `host:port`. */
  target: string
  /** Whether the next answer is lost, asked for each piece of one. Defaults to never. */
  loses: () => boolean
  /** Answers that were lost. */
  readonly lost: number
  close(): void
}

export async function lossyProxy(): Promise<LossyProxy> {
  const sockets = new Set<Socket>()
  let lost = 0
  const server = createServer(inside => {
    const [host = '', port] = proxy.target.split(':')
    const outside = connect(Number(port), host)
    const pair = [inside, outside]
    const end = (): void => {
      for (const socket of pair) {
        socket.resetAndDestroy()
        sockets.delete(socket)
      }
    }
    for (const socket of pair) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    inside.pipe(outside)
    outside.on('data', (chunk: Buffer) => {
      if (proxy.loses()) {
        lost++
        end()
      } else if (!inside.write(chunk)) {
        outside.pause()
        inside.once('drain', () => outside.resume())
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: LossyProxy = {
    port: (server.address() as AddressInfo).port,
    target: '',
    loses: () => false,
    get lost() {
      return lost
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return proxy
}
