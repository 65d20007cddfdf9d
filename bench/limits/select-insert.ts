/**
 * The usual consumer: one event after another, each looked up by its id and inserted when it is not there yet. It is
 * what `eachMessage` of a Kafka client does by default, without the time that Kafka takes.
 */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { dataOf } from '../subjects/vehicles.ts'

const { database, warm, events } = given<{ database: string; warm: number; events: number }>()
const client = new Client({ connectionString: database })
await client.connect()

async function apply(n: number): Promise<void> {
  const [id, data] = [randomUUID(), dataOf(n)]
  const known = await client.query('select 1 from sink where id = $1', [id])
  if (known.rowCount !== 0) return
  await client.query('insert into sink values ($1, $2, $3)', [id, data.vehicle, JSON.stringify(data)])
}

for (let n = 0; n < warm; n++) await apply(n)
const watch = stopwatch()
for (let n = 0; n < events; n++) await apply(n)
tell(watch.stop(events))
await client.end()
