/** A collector on the embedded log: its 202 says that the event is on the disk. */
import { app, embedded } from 'holdfast'
import { given, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

const { folder } = given<{ folder: string }>()
const door = app({ name: 'bench', log: embedded(folder) })
door.collector({
  port: 0,
  topics: [vehicles],
  keys: { pk_bench: { tenant: 't', eventsPerSecond: 1_000_000 } },
})
await door.start()
tell({ url: `http://127.0.0.1:${door.door.port}/v1/topics/vehicles/events` })
