import { createServer } from 'node:http'
import { tellUp } from '../process/in-process.ts'

/** Where the consumer stands, for whoever asks on any path. */
export async function serveStatus(port: number, status: () => Promise<object>): Promise<void> {
  const server = createServer((_request, response) => {
    void status().then(
      now => response.setHeader('content-type', 'application/json').end(JSON.stringify(now)),
      () => response.writeHead(503).end(),
    )
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  tellUp({ port: typeof address === 'object' ? (address?.port ?? 0) : 0 })
}
