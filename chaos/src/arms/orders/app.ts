// The app of examples/orders, for `holdfast start`.
import process from 'node:process'
import { embedded, postgres } from 'holdfast'
import { shop, type ShopApp } from '../../../../examples/orders/src/app.ts'
import { mailerAt } from '../../../../examples/orders/src/mailer.ts'
import { slowedDatabase, slowedLog } from '../holdfast/slowed.ts'
import { obeyParent } from '../process/in-process.ts'

const { ARM_DATABASE = '', ARM_LOG = '', ARM_MAIL = '' } = process.env
const slowness = obeyParent()

const app: ShopApp = shop({
  log: slowedLog(embedded(ARM_LOG), slowness),
  db: slowedDatabase(postgres(ARM_DATABASE), slowness),
  mailer: mailerAt(ARM_MAIL),
  port: 0, // HOLDFAST_PORT says which
})
export default app
