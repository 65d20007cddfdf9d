/** A replay that fills the whole log, for a group that began at its end: everything is missing, or all of it is known. */
import { app, embedded, postgres } from 'holdfast'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

export interface ReplayOptions {
  readonly folder: string
  readonly database: string
  readonly group: string
  /** `known`: of a second replay, behind a first. */
  readonly what: 'missing' | 'known'
}

const { folder, database, group, what } = given<ReplayOptions>()
const bench = app({ name: 'bench', log: embedded(folder), db: postgres(database) })
bench
  .consumer(group, vehicles, { from: 'latest' })
  .effectBatch(['moved'], { max: 500, within: '20ms' }, async (moved, tx) => {
    await tx.query(
      `insert into sink select id, vehicle, body::jsonb
       from unnest($1::uuid[], $2::text[], $3::text[]) as e (id, vehicle, body)`,
      [
        moved.map(({ id }) => id),
        moved.map(({ data }) => data.vehicle),
        moved.map(({ data }) => JSON.stringify(data)),
      ],
    )
  })
await bench.start()
while ((await bench.groups()).some(one => one.state !== 'running'))
  await new Promise(done => setTimeout(done, 50))

const all = { from: 'earliest', mode: 'fill' } as const
if (what === 'known') await (await bench.replay(group, all)).done
const watch = stopwatch()
const { counts } = await (await bench.replay(group, all)).done
const events = what === 'known' ? counts.known : counts.applied
tell(watch.stop(events))
