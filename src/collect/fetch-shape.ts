import { BodyBroken, type Inbound, type Reply } from './exchange.ts'

/** A `fetch` request as the collector sees it. `local` is what the caller vouches for: a Request does not say. */
export function fetchInbound(request: Request, local: boolean): Inbound {
  const url = new URL(request.url)
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  let brokenOff: Error | undefined
  return {
    method: request.method,
    target: url.pathname + url.search,
    local,
    header: name => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    async read(onChunk) {
      reader = request.body?.getReader()
      if (!reader) return
      try {
        for (;;) {
          const { done, value } = await reader.read().catch((cause: unknown) => {
            throw new BodyBroken(cause)
          })
          if (brokenOff) throw brokenOff
          if (done) return
          await onChunk(value)
        }
      } catch (error) {
        cancel(reader)
        throw error
      }
    },
    breakOff(error) {
      brokenOff = error
      if (reader) cancel(reader) // which also ends a read that waits
    },
  }
}

/** The rest is not wanted, whether or not the sender hears of it. */
function cancel(reader: ReadableStreamDefaultReader): void {
  reader.cancel().catch(() => {})
}

export function fetchResponse(request: Request, { status, headers, body }: Reply): Response {
  return new Response(status === 204 || request.method === 'HEAD' ? null : body, { status, headers })
}
