/** The limit of the door: Node's own server takes a body in and answers 202 without looking at it or keeping it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tell } from '../frame/stopwatch.ts'

const answer = Buffer.from('{"id":"01999999-0000-7000-8000-000000000000","duplicate":false}')
const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    Buffer.concat(parts)
    response.writeHead(202, { 'content-type': 'application/json', 'content-length': answer.length })
    response.end(answer)
  })
})
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () =>
  tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
)
