import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** One message of a PostgreSQL client, as it went by. */
export interface ClientMessage {
  /** The protocol's letter: `Q` simple query, `P` parse, `S` sync; `startup` for the first one. */
  readonly type: string
  /** What follows the length, as text. */
  readonly body: string
  /** Counts connections from 0. */
  readonly connection: number
}

/**
 * What becomes of a message: `cut` ends both sides without forwarding it, `deliver-and-cut` lets the server have it
 * and ends the client's side before an answer comes.
 */
export type Fate = 'forward' | 'cut' | 'deliver-and-cut'

export interface Proxy {
  /** The URL with this proxy in the place of its host. */
  through(url: string): string
  /** Asked for each message in turn; a message waits for the answer, and all later ones with it. */
  decide: (message: ClientMessage) => Fate | Promise<Fate>
  /** Whether new connections are taken. `silent` takes them and never says a word. */
  door: 'open' | 'refuse' | 'silent'
  /** How many connections were cut. */
  readonly cuts: number
  readonly messages: readonly ClientMessage[]
}

/** A TCP proxy before PostgreSQL that reads what clients send and can end a connection at an exact message. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const messages: ClientMessage[] = []
  let cuts = 0
  let connections = 0
  const server = createServer({ allowHalfOpen: true }, client => {
    sockets.add(client)
    client.on('error', () => {}).on('close', () => sockets.delete(client))
    if (proxy.door === 'refuse') client.destroy()
    if (proxy.door !== 'open') return
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy()).on('close', () => sockets.delete(upstream))
    upstream.pipe(client)
    void forward(client, upstream, connections++)
  })

  async function forward(client: Socket, upstream: Socket, connection: number): Promise<void> {
    let pending = Buffer.alloc(0)
    let started = false
    try {
      for await (const chunk of client) {
        pending = Buffer.concat([pending, chunk as Buffer])
        for (;;) {
          const head = started ? 1 : 0
          if (pending.length < head + 4) break
          const length = head + pending.readUInt32BE(head)
          if (pending.length < length) break
          const raw = pending.subarray(0, length)
          pending = pending.subarray(length)
          const type = started ? String.fromCharCode(raw[0] ?? 0) : 'startup'
          const message = { type, body: raw.subarray(head + 4).toString('utf8'), connection }
          started = true
          messages.push(message)
          const fate = await proxy.decide(message)
          if (fate !== 'cut') upstream.write(raw)
          if (fate === 'forward') continue
          cuts++
          upstream.unpipe(client)
          client.destroy()
          if (fate === 'cut') upstream.destroy()
          // The answer is read and thrown away: closing with unread bytes would reset, and could drop the message.
          else upstream.resume().end()
          return
        }
      }
      upstream.end()
    } catch {
      upstream.destroy()
    }
  }

  const proxy: Proxy = {
    decide: () => 'forward',
    door: 'open',
    messages,
    get cuts() {
      return cuts
    },
    through(url: string) {
      const changed = new URL(url)
      changed.hostname = '127.0.0.1'
      changed.port = String((server.address() as AddressInfo).port)
      return changed.href
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return proxy
}

export function isCommit(message: ClientMessage): boolean {
  return message.type === 'Q' && message.body.toLowerCase().startsWith('commit')
}
