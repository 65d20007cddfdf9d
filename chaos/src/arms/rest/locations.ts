import { z } from 'zod'
import { location } from '../../../../examples/drivers/src/location.ts'
import type { Vehicles } from '../../../../examples/drivers/src/vehicles.ts'
import { RequestFailed } from '../http/failure.ts'
import type { Database } from './database.ts'

const locationEvent = z.object({ type: z.literal('moved'), id: z.string().min(1).max(200), data: location })

export type LocationEvent = z.infer<typeof locationEvent>

/** Checks the body by the same contract that the collector of Holdfast uses. */
export function readLocation(body: unknown): LocationEvent {
  const checked = locationEvent.safeParse(body)
  if (!checked.success) throw new RequestFailed('invalid', z.prettifyError(checked.error))
  return checked.data
}

/** What goes from one service of the chain to the next. */
export interface ChainEvent {
  readonly event: LocationEvent
  readonly vehicle: string | null
}

/** Null where nobody knows; without an answer the request fails, before anything is stored. */
export async function vehicleFor({ data }: LocationEvent, vehicles: Vehicles): Promise<string | null> {
  try {
    return (await vehicles.vehicleOf(data.driver, AbortSignal.timeout(2_000))) ?? null
  } catch (cause) {
    throw new RequestFailed('not_stored', 'the vehicle is not known now', { cause })
  }
}

/** The row of the location, once for each id. */
export async function keepPosition(
  db: Database,
  event: LocationEvent,
  vehicle: string | null,
): Promise<void> {
  await db.run(positionOnly, positionValues(event, vehicle))
}

/** Row and sum of the driver in one statement, so they commit together; a second time for an id does nothing. */
export async function keepLocation(
  db: Database,
  event: LocationEvent,
  vehicle: string | null,
): Promise<void> {
  const { lat, lon } = event.data
  await db.run(positionAndLatest, [...positionValues(event, vehicle), lat, lon])
}

/** The sum of the driver, once for each id. */
export async function countLocation(db: Database, { id, data }: LocationEvent): Promise<void> {
  await db.run(countOnly, [id, data.driver, data.lat, data.lon, data.speed])
}

function positionValues({ id, data }: LocationEvent, vehicle: string | null): unknown[] {
  // Written again from what was parsed, as the consumers of Holdfast do: any change on the way shows in the audit.
  return [id, data.driver, data.speed, vehicle, JSON.stringify(data)]
}

const insertPosition = `insert into drivers.positions (id, driver, speed, vehicle, payload)
  values ($1, $2, $3, $4, $5) on conflict (id) do nothing`

const positionOnly = { name: 'position', text: insertPosition }

const moveDriver = `on conflict (driver) do update set lat = excluded.lat, lon = excluded.lon,
  top_speed = greatest(kept.top_speed, excluded.top_speed), at = excluded.at, updates = kept.updates + 1`

const positionAndLatest = {
  name: 'location',
  text: `with fresh as (${insertPosition} returning driver)
    insert into drivers.latest as kept (driver, lat, lon, top_speed, at, updates)
    select driver, $6, $7, $3, now(), 1 from fresh ${moveDriver}`,
}

const countOnly = {
  name: 'count',
  text: `with fresh as (insert into drivers.counted (id) values ($1) on conflict do nothing returning id)
    insert into drivers.latest as kept (driver, lat, lon, top_speed, at, updates)
    select $2::text, $3, $4, $5, now(), 1 from fresh ${moveDriver}`,
}
