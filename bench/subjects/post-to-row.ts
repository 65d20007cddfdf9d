/** A whole Holdfast: door, log, and a group that writes one row for each event. */
import { app, postgres } from 'holdfast'
import { given, tell } from '../frame/stopwatch.ts'
import { logAt, topicAt, type Place } from './place.ts'

const { database, batch, ...place } = given<Place & { database: string; batch: boolean }>()
const bench = app({ name: 'bench', log: logAt(place), db: postgres(database) })
const vehicles = topicAt(place)
bench.collector({
  port: 0,
  topics: [vehicles],
  keys: { pk_bench: { tenant: 't', eventsPerSecond: 1_000_000 } },
  spool: { folder: `${place.folder}/spool` },
})
const rows = bench.consumer('rows', vehicles, { from: 'earliest' })
if (batch) {
  rows.effectBatch(['moved'], { max: 500, within: '20ms' }, async (events, tx) => {
    await tx.query('insert into arrived select unnest($1::int[])', [events.map(({ data }) => data.n)])
  })
} else {
  rows.effect('moved', async ({ data }, tx) => {
    await tx.query('insert into arrived values ($1)', [data.n])
  })
}
await bench.start()
tell({ url: `http://127.0.0.1:${bench.door.port}/v1/topics/${vehicles.name}/events` })
