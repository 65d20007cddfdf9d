/**
 * Events on a fixed schedule for one group by `.effect`: how late those of nine quiet tenants are, while a tenth sends
 * `times` as many as one of them.
 */
import { app, embedded, postgres } from 'holdfast'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { eventRecord } from './events.ts'
import { vehicles } from './vehicles.ts'

const { folder, database, perSecond, seconds, warm, times } = given<{
  folder: string
  database: string
  /** Of each quiet tenant. */
  perSecond: number
  seconds: number
  /** Events before time counts. */
  warm: number
  times: number
}>()
const QUIET = 9
const bench = app({ name: 'bench', log: embedded(folder), db: postgres(database) })
const planned = perSecond * QUIET * seconds
const late: number[] = []
const due = new Map<number, number>()
let [handled, noise] = [0, 0]

bench.consumer('rows', vehicles, { from: 'earliest' }).effect('moved', async ({ id, data, tenant }, tx) => {
  await tx.query('insert into sink values ($1, $2, $3)', [id, data.vehicle, JSON.stringify(data)])
  handled += 1
  const at = due.get(data.n)
  if (tenant === 'noisy' || at === undefined) return
  due.delete(data.n)
  late.push(performance.now() - at)
})

let next = 0
const append = (tenant: string, at?: number): Promise<unknown> => {
  const n = next++
  const record = eventRecord(n)
  if (at !== undefined) due.set(n, at)
  return bench.system.log.append(vehicles.name, [
    { ...record, headers: { ...record.headers, ce_tenant: tenant } },
  ])
}

/** What is due is appended every ten milliseconds, however long the last append takes. */
async function onSchedule(): Promise<void> {
  const began = performance.now()
  const appends: Promise<unknown>[] = []
  for (let quiet = 0; quiet < planned; await new Promise(resolve => setTimeout(resolve, 10))) {
    const seconds = (performance.now() - began) / 1_000
    for (; noise < seconds * perSecond * times; noise++) appends.push(append('noisy'))
    for (; quiet < Math.min(planned, seconds * perSecond * QUIET); quiet++)
      appends.push(append(`quiet-${quiet % QUIET}`, began + (quiet * 1_000) / (perSecond * QUIET)))
  }
  await Promise.all(appends)
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}

await bench.start()
for (let n = 0; n < warm; n++) await append('warm')
await until(() => handled >= warm)
const watch = stopwatch()
await onSchedule()
await until(() => late.length >= planned)
tell({ ...watch.stop(planned + noise), late: late.toSorted((a, b) => a - b), noise })
