/**
 * The door with nothing but its costs that cannot be left out: `node:http`, `JSON.parse`, and one durable commit of LMDB
 * for all that came while the last one ran. Each event is one entry, and its id another, as it must be known again.
 */
import { hash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { openLmdb } from '../frame/lmdb.ts'
import { given, tell } from '../frame/stopwatch.ts'

const { folder } = given<{ folder: string }>()
const lmdb = openLmdb(join(folder, 'log'))
const events = lmdb.table('events')
const ids = lmdb.table('ids')

let waiting: { readonly id: string; readonly body: Buffer; readonly response: ServerResponse }[] = []
let [committing, offset] = [false, 0]

async function commit(): Promise<void> {
  committing = true
  while (waiting.length > 0) {
    let group: typeof waiting = []
    await lmdb.transaction(() => {
      group = waiting
      waiting = []
      for (const { id, body } of group) {
        const key = Buffer.allocUnsafe(8)
        key.writeDoubleBE(offset++)
        const digest = hash('sha256', id, 'buffer').subarray(0, 20)
        if (ids.get(digest) !== undefined) continue
        events.putSync(key, body)
        ids.putSync(digest, key)
      }
    })
    for (const { id, response } of group) {
      const body = JSON.stringify({ id, duplicate: false })
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
    }
    await new Promise(setImmediate) // those who were answered are in the next one
  }
  committing = false
}

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const body = Buffer.concat(parts)
    const { id } = JSON.parse(body.toString()) as { readonly id: string }
    waiting.push({ id, body, response })
    if (!committing) void commit()
  })
})
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () =>
  tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
)
process.once('SIGTERM', () => process.exit())
