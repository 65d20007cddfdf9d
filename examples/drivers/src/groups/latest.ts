import type { DriversApp } from '../drivers.ts'
import { locations } from '../locations.ts'

/** Where each driver is now, and how many locations led there: a location that counted twice would show. */
export function latest(app: DriversApp): void {
  app
    .consumer('latest', locations, { from: 'earliest' })
    .effectBatch(['moved'], { max: 100, within: '50ms' }, async (events, tx) => {
      const of = Map.groupBy(events, ({ data }) => data.driver)
      // Sorted, so that two batches that write the same drivers cannot wait for each other.
      const drivers = [...of.keys()].toSorted()
      const last = drivers.map(driver => of.get(driver)?.at(-1))
      const speeds = drivers.map(driver => of.get(driver)?.map(({ data }) => data.speed) ?? [])
      await tx.query(
        `insert into drivers.latest as kept (driver, lat, lon, top_speed, at, updates)
           select * from unnest($1::text[], $2::float8[], $3::float8[], $4::real[], $5::timestamptz[], $6::bigint[])
           on conflict (driver) do update set lat = excluded.lat, lon = excluded.lon, at = excluded.at,
             top_speed = greatest(kept.top_speed, excluded.top_speed), updates = kept.updates + excluded.updates`,
        [
          drivers,
          last.map(event => event?.data.lat),
          last.map(event => event?.data.lon),
          speeds.map(one => Math.max(...one)),
          last.map(event => event?.time),
          drivers.map(driver => of.get(driver)?.length),
        ],
      )
    })
}
