/** The limit of an effect for each event: begin, insert, commit, on as many connections. */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { dataOf } from '../subjects/vehicles.ts'

const { database, connections, warm, events } = given<{
  database: string
  connections: number
  warm: number
  events: number
}>()

let begun = 0
async function insertAgainAndAgain(client: Client, until: number): Promise<void> {
  while (begun < until) {
    const data = dataOf(begun++)
    await client.query('begin')
    await client.query('insert into sink values ($1, $2, $3)', [
      randomUUID(),
      data.vehicle,
      JSON.stringify(data),
    ])
    await client.query('commit')
  }
}

const clients = Array.from({ length: connections }, () => new Client({ connectionString: database }))
await Promise.all(clients.map(client => client.connect()))
await Promise.all(clients.map(client => insertAgainAndAgain(client, warm)))
begun = 0
const watch = stopwatch()
await Promise.all(clients.map(client => insertAgainAndAgain(client, events)))
tell(watch.stop(begun))
await Promise.all(clients.map(client => client.end()))
