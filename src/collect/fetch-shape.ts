import { BodyBroken, type Inbound, type Reply } from './exchange.ts'

/** A `fetch` request as the collector sees it. `local` is what the caller vouches for: a Request does not say. */
export function fetchInbound(request: Request, local: boolean): Inbound {
  const url = new URL(request.url)
  return {
    method: request.method,
    target: url.pathname + url.search,
    local,
    header: name => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    async read(onChunk) {
      const reader = request.body?.getReader()
      if (!reader) return
      try {
        for (;;) {
          const { done, value } = await reader.read().catch((cause: unknown) => {
            throw new BodyBroken(cause)
          })
          if (done) return
          await onChunk(value)
        }
      } catch (error) {
        reader.cancel().catch(() => {}) // the rest is not wanted, whether or not the sender hears of it
        throw error
      }
    },
  }
}

export function fetchResponse(request: Request, { status, headers, body }: Reply): Response {
  return new Response(status === 204 || request.method === 'HEAD' ? null : body, { status, headers })
}
