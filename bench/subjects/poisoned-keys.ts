/** Events on a fixed schedule for one group by `.effect`: how late those of healthy keys are, while some keys fail. */
import { app, embedded, postgres } from 'holdfast'
import { appendEvents, eventRecord } from './events.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

const { folder, database, ratePerSecond, seconds, warm, failingEvery } = given<{
  folder: string
  database: string
  ratePerSecond: number
  seconds: number
  /** Events before time counts. */
  warm: number
  /** Every so manyth key fails each time; 0 for none. */
  failingEvery: number
}>()
const bench = app({ name: 'bench', log: embedded(folder), db: postgres(database) })
const planned = ratePerSecond * seconds
const late: number[] = []
let began = Infinity
let [handled, failures] = [0, 0]

bench
  // Far more waits than the run is long: nothing dies of it.
  .consumer('rows', vehicles, { from: 'earliest', retry: Array.from({ length: 50 }, () => '500ms' as const) })
  .effect('moved', async ({ id, data }, tx) => {
    if (isFailing(data.n)) {
      failures += 1
      throw new Error('this key fails')
    }
    await tx.query('insert into sink values ($1, $2, $3)', [id, data.vehicle, JSON.stringify(data)])
    handled += 1
    if (data.n >= warm) late.push(performance.now() - began - (data.n - warm) * (1_000 / ratePerSecond))
  })

function isFailing(n: number): boolean {
  return failingEvery > 0 && (n % 10_000) % failingEvery === failingEvery - 1
}

/** What is due is appended every ten milliseconds, however long the last append takes. */
async function onSchedule(): Promise<void> {
  began = performance.now()
  const appends: Promise<unknown>[] = []
  for (let n = 0; n < planned;) {
    const due = Math.min(planned, Math.floor(((performance.now() - began) / 1_000) * ratePerSecond))
    const records = Array.from({ length: due - n }, (_, i) => eventRecord(warm + n + i))
    if (records.length > 0) appends.push(bench.system.log.append(vehicles.name, records))
    n = due
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  await Promise.all(appends)
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}

const healthy = (from: number, to: number): number =>
  Array.from({ length: to - from }, (_, i) => from + i).filter(n => !isFailing(n)).length

await bench.start()
await appendEvents(bench.system.log, warm)
await until(() => handled >= healthy(0, warm))
const watch = stopwatch()
await onSchedule()
await until(() => late.length >= healthy(warm, warm + planned))
tell({ ...watch.stop(planned), late: late.toSorted((a, b) => a - b), failures })
