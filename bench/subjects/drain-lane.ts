/** Entries of a retry lane, of keys that nothing refuses any more: from the first that is done to the last. */
import { app, postgres } from 'holdfast'
import { eventRecord } from './events.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { logAt, topicAt, type Place } from './place.ts'

const options = given<
  Place & {
    readonly database: string
    readonly entries: number
    /** Of so many keys, each with as many entries. */
    readonly keys: number
  }
>()
const { database, entries, keys } = options
const bench = app({ name: 'bench', log: logAt(options), db: postgres(database) })
const vehicles = topicAt(options)

let isRefused = true
let done = 0
let watch: ReturnType<typeof stopwatch> | undefined
const { promise: drained, resolve } = Promise.withResolvers<void>()
function count(more: number): void {
  if (isRefused || more === 0) return
  watch ??= stopwatch()
  done += more
  if (done >= entries) resolve()
}

// Far more waits than it takes to park them: nothing dies of it.
const policy = { from: 'earliest', retry: Array.from({ length: 500 }, () => '500ms' as const) } as const
const batch = { max: 500, within: '20ms' } as const
bench.consumer('lane', vehicles, policy).effectBatch(['moved'], batch, async (moved, tx, { fail }) => {
  if (isRefused) {
    for (const i of moved.keys()) fail(i, new Error('not now'))
    return
  }
  await tx.query(
    `insert into sink select id, vehicle, body::jsonb
     from unnest($1::uuid[], $2::text[], $3::text[]) as e (id, vehicle, body)`,
    [
      moved.map(({ id }) => id),
      moved.map(({ data }) => data.vehicle),
      moved.map(({ data }) => JSON.stringify(data)),
    ],
  )
  count(moved.length)
})

await bench.start()
const { log } = bench.system
for (let n = 0; n < entries; n += 1_000) {
  const numbers = Array.from({ length: Math.min(1_000, entries - n) }, (_, i) => n + i)
  await log.append(
    vehicles.name,
    numbers.map(at => eventRecord(at % keys)),
  )
}
for (;;) {
  const [standing] = await bench.groups()
  if (standing?.parked === entries) break
  await new Promise(resolve => setTimeout(resolve, 50))
}
isRefused = false
await drained
if (watch) tell(watch.stop(done))
await bench.stop()
