import type { DriversApp } from '../drivers.ts'
import { locations } from '../locations.ts'
import { VehiclesAway, type Vehicles } from '../vehicles.ts'

/** Keeps every location as a row, in the order of each driver. */
export function positions(app: DriversApp, vehicles: Vehicles): void {
  app
    .consumer('positions', locations, {
      from: 'earliest',
      // While it is away nothing is taken from the log, no attempt is spent, and nothing dies.
      needs: { vehicles: { probe: signal => vehicles.probe(signal) } },
      onError: error => (error instanceof VehiclesAway ? { pause: 'vehicles' } : undefined),
    })
    .effectBatch(['moved'], { max: 100, within: '50ms' }, async (events, tx, { signal }) => {
      // Each driver of the batch is asked for once.
      const drivers = [...new Set(events.map(({ data }) => data.driver))]
      const vehicleOf = new Map(
        await Promise.all(
          drivers.map(async driver => [driver, await vehicles.vehicleOf(driver, signal)] as const),
        ),
      )
      await tx.query(
        `insert into drivers.positions (id, driver, speed, vehicle, payload, log_partition, log_offset)
           select id, driver, speed, vehicle, payload, log_partition, log_offset
           from unnest($1::text[], $2::text[], $3::real[], $4::text[], $5::text[], $6::int[], $7::bigint[])
             with ordinality as e (id, driver, speed, vehicle, payload, log_partition, log_offset, nth)
           order by nth`,
        [
          events.map(({ id }) => id),
          events.map(({ data }) => data.driver),
          events.map(({ data }) => data.speed),
          events.map(({ data }) => vehicleOf.get(data.driver)),
          events.map(({ data }) => JSON.stringify(data)),
          events.map(({ partition }) => partition),
          events.map(({ offset }) => String(offset)),
        ],
      )
    })
}
