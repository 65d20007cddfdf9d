/** A whole Holdfast: door, log, and a group that writes one row for each event. */
import { app, embedded, postgres } from 'holdfast'
import { given, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

const { folder, database, batch } = given<{ folder: string; database: string; batch: boolean }>()
const bench = app({ name: 'bench', log: embedded(folder), db: postgres(database) })
bench.collector({
  port: 0,
  topics: [vehicles],
  keys: { pk_bench: { tenant: 't', eventsPerSecond: 1_000_000 } },
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
tell({ url: `http://127.0.0.1:${bench.door.port}/v1/topics/vehicles/events` })
