import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Requests that are not answered yet, by connection; those of a connection that is gone nobody waits for. What is kept
 * for a connection lives as long as it does: a map that changed with each request would keep requests alive, as
 * `deadlines.ts` says of sets.
 */
export class OpenRequests {
  readonly #connections = new Map<Socket, ServerResponse[]>()
  #count = 0
  #none: PromiseWithResolvers<void> | undefined

  add(res: ServerResponse): void {
    const { socket } = res.req
    if (socket.closed) return
    this.#count++
    const here = this.#connections.get(socket)
    if (here) {
      here.push(res)
      return
    }
    this.#connections.set(socket, [res])
    // Node does not tell answers whose turn had not come that they never go out.
    socket.once('close', () => this.#forget(socket))
  }

  delete(res: ServerResponse): void {
    const here = this.#connections.get(res.req.socket)
    if (!here) return
    here.splice(here.indexOf(res), 1)
    this.#less(1)
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

  #forget(socket: Socket): void {
    const left = this.#connections.get(socket)?.length ?? 0
    this.#connections.delete(socket)
    this.#less(left)
  }

  #less(by: number): void {
    this.#count -= by
    if (this.#count === 0) this.#none?.resolve()
  }
}
