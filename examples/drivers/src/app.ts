// For `holdfast dev` and `holdfast start`: settings come from the environment, as in a container.
import process from 'node:process'
import { embedded, postgres } from 'holdfast'
import { drivers, type DriversApp } from './drivers.ts'

const { DATABASE_URL, HOLDFAST_DATA = '.holdfast/drivers', HOLDFAST_PORT = '4300' } = process.env
if (!DATABASE_URL) throw new Error('set DATABASE_URL, such as postgres://user:password@localhost/name')

const app: DriversApp = drivers({
  log: embedded(HOLDFAST_DATA),
  db: postgres(DATABASE_URL),
  port: Number(HOLDFAST_PORT),
})
export default app
