import { app, type App, type Database, type LogDriver, type Logger } from 'holdfast'
import { latest } from './groups/latest.ts'
import { positions } from './groups/positions.ts'
import { locations } from './locations.ts'
import { noVehicles, type Vehicles } from './vehicles.ts'

export type DriversApp = App<true>

export interface DriversOptions {
  readonly log: LogDriver
  readonly db: Database
  /** Of the collector; 0 takes any free one. */
  readonly port: number
  /** Where the collector keeps events while a log on other machines is away. Defaults to `.holdfast/spool`. */
  readonly spoolFolder?: string | undefined
  /** Where to ask which vehicle a driver has today. Defaults to nobody: it stays unknown then. */
  readonly vehicles?: Vehicles | undefined
  readonly logger?: Logger
}

/** Locations come in by one door; two groups make something of them, each at its own speed. */
export function drivers({
  log,
  db,
  port,
  spoolFolder,
  vehicles = noVehicles,
  logger,
}: DriversOptions): DriversApp {
  const a = app({ name: 'drivers', log, db, logger })
  a.collector({
    port,
    topics: [locations],
    // A key that everybody knows: it works on this machine only.
    keys: { pk_demo: { tenant: 'demo', topics: [locations.name], eventsPerSecond: 100_000 } },
    // Nothing stands in front of an example that would have to notice that it stops.
    lameDuckMs: 0,
    spool: { folder: spoolFolder },
  })
  positions(a, vehicles)
  latest(a)
  return a
}
