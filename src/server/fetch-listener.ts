import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * A `fetch` handler as a listener of `node:http`, for requests whose bodies nobody reads. A handler that rejects is
 * answered 500 with nothing about the cause.
 */
export function fetchListener(
  handle: (request: Request) => Promise<Response>,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    try {
      const response = await handle(requestOf(req))
      res.writeHead(response.status, Object.fromEntries(response.headers))
      res.end(Buffer.from(await response.arrayBuffer()))
    } catch {
      if (!res.headersSent) res.writeHead(500)
      res.end()
    }
  }
}

/** Only the path is taken from the request line: the host stays in its header, where the handler checks it. */
function requestOf({ method = 'GET', url = '/', headers }: IncomingMessage): Request {
  const target = new URL(url.startsWith('/') ? url : '/', 'http://localhost')
  const copied = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) copied.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  return new Request(target, { method, headers: copied })
}
