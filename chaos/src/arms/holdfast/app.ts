// The app of examples/drivers, for `holdfast start`, with a service that it asks where the scenario has one.
import process from 'node:process'
import { postgres } from 'holdfast'
import { drivers, type DriversApp } from '../../../../examples/drivers/src/drivers.ts'
import { noVehicles, vehiclesAt } from '../../../../examples/drivers/src/vehicles.ts'
import { logOf } from '../arm-log.ts'
import { obeyParent } from '../process/in-process.ts'
import { moreGroups } from './more-groups.ts'
import { slowedDatabase, slowedLog } from './slowed.ts'

const { ARM_DATABASE = '', ARM_LOG = '', ARM_BROKERS, ARM_GROUPS, ARM_CACHE } = process.env
const slowness = obeyParent()

const app: DriversApp = drivers({
  log: slowedLog(logOf({ folder: ARM_LOG, brokers: ARM_BROKERS }), slowness),
  db: slowedDatabase(postgres(ARM_DATABASE), slowness),
  port: 0, // HOLDFAST_PORT says which
  spoolFolder: `${ARM_LOG}-spool`,
  vehicles: ARM_CACHE === undefined ? noVehicles : vehiclesAt(ARM_CACHE),
})
if (ARM_GROUPS === '4') moreGroups(app)
export default app
