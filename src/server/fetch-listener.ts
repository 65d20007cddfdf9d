import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A `fetch` handler as a listener of `node:http`. How much of a body is read is the handler's to bound. The signal of
 * the request aborts when whoever asked has gone. A handler that rejects is answered 500 with nothing about the cause.
 */
export function fetchListener(
  handle: (request: Request) => Promise<Response>,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    try {
      const response = await handle(requestOf(req, gone.signal))
      res.writeHead(response.status, Object.fromEntries(response.headers))
      res.end(Buffer.from(await response.arrayBuffer()))
    } catch {
      if (!res.headersSent) res.writeHead(500)
      res.end()
    }
  }
}

/** Only the path is taken from the request line: the host stays in its header, where the handler checks it. */
function requestOf(req: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', headers } = req
  const target = new URL(url.startsWith('/') ? url : '/', 'http://localhost')
  const copied = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) copied.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const body = method === 'GET' || method === 'HEAD' ? {} : { body: Readable.toWeb(req), duplex: 'half' }
  return new Request(target, { method, headers: copied, signal, ...body } as RequestInit)
}
