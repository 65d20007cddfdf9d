import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Stands between the arms and the database, and breaks their connections on demand. */
export interface SlowProxy {
  readonly port: number
  /** Each piece of what clients send waits so long before the server gets it. */
  delayMs: number
  /** While true, connections are reset, new ones too. */
  resetting: boolean
  /** Connections that were reset so far. */
  readonly resets: number
  close(): Promise<void>
}

/** Forwards loopback connections to `port`. */
export async function startProxy(to: number): Promise<SlowProxy> {
  const clients = new Set<Socket>()
  const state = { delayMs: 0, resetting: false, resets: 0 }
  const reset = (client: Socket): void => {
    if (client.destroyed) return
    client.resetAndDestroy()
    state.resets += 1
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    client.on('error', () => {})
    if (state.resetting) return reset(client)
    clients.add(client)
    client.on('close', () => clients.delete(client))
    const upstream = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true, noDelay: true })
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    upstream.pipe(client)
    void forward(client, upstream)
  })

  // One piece after the other, so that their order stays and a waiting one holds the sender back.
  const forward = async (client: Socket, upstream: Socket): Promise<void> => {
    try {
      for await (const piece of client) {
        if (state.delayMs > 0) await wait(state.delayMs)
        if (!upstream.write(piece as Buffer)) await once(upstream, 'drain')
      }
      upstream.end()
    } catch {
      upstream.destroy()
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get delayMs() {
      return state.delayMs
    },
    set delayMs(ms) {
      state.delayMs = ms
    },
    get resetting() {
      return state.resetting
    },
    set resetting(on) {
      state.resetting = on
      if (on) for (const client of clients) reset(client)
    },
    get resets() {
      return state.resets
    },
    async close() {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
