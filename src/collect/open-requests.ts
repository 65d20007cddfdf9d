import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Requests that are not answered yet, by connection. What is kept for a connection lives as long as it does: a map that
 * changed with each request would keep requests alive, as `deadlines.ts` says of sets.
 */
export class OpenRequests {
  readonly #connections = new Map<Socket, ServerResponse[]>()
  #count = 0
  #none: PromiseWithResolvers<void> | undefined

  add(res: ServerResponse): void {
    this.#count++
    const { socket } = res.req
    const here = this.#connections.get(socket)
    if (here) here.push(res)
    else if (!socket.closed) {
      this.#connections.set(socket, [res])
      socket.once('close', () => this.#connections.delete(socket))
    }
  }

  delete(res: ServerResponse): void {
    const here = this.#connections.get(res.req.socket)
    here?.splice(here.indexOf(res), 1)
    if (--this.#count === 0) this.#none?.resolve()
  }

  /** Of one connection, the oldest first: in the order of the answers. */
  on(socket: Socket): readonly ServerResponse[] {
    return this.#connections.get(socket) ?? []
  }

  /** Resolves once nothing is open. */
  async none(): Promise<void> {
    if (this.#count === 0) return
    this.#none = Promise.withResolvers<void>()
    await this.#none.promise
  }
}
