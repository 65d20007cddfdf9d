/** The limit of a batch effect: COPY, the fastest way into PostgreSQL, one transaction for each batch. */
import { randomUUID } from 'node:crypto'
import { finished } from 'node:stream/promises'
import { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { dataOf } from '../subjects/vehicles.ts'

const { database, connections, batch, warm, events } = given<{
  database: string
  connections: number
  batch: number
  warm: number
  events: number
}>()

let made = 0
function rows(): Buffer {
  const lines = Array.from({ length: batch }, () => {
    const data = dataOf(made++)
    return `${randomUUID()}\t${data.vehicle}\t${JSON.stringify(data)}\n`
  })
  return Buffer.from(lines.join(''))
}

let copied = 0
async function copyAgainAndAgain(client: Client, until: number): Promise<void> {
  while (copied < until) {
    copied += batch
    const stream = client.query(copyFrom('copy sink from stdin'))
    stream.end(rows())
    await finished(stream)
  }
}

const clients = Array.from({ length: connections }, () => new Client({ connectionString: database }))
await Promise.all(clients.map(client => client.connect()))
await Promise.all(clients.map(client => copyAgainAndAgain(client, warm)))
copied = 0
const watch = stopwatch()
await Promise.all(clients.map(client => copyAgainAndAgain(client, events)))
tell(watch.stop(copied))
await Promise.all(clients.map(client => client.end()))
