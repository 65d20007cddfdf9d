/**
 * An app whose group `a` skips every event, or applies them, and goes on with whatever replay the log has:
 *
 *   node --conditions=holdfast-source test/apps/fills.ts '{"data":"/tmp/x","sessionMs":2000,"database":"postgres://…","skip":false,"ask":true}'
 *
 * It says `up`, `did N` for each handler that ran, and `ended {…}` when the newest replay has ended.
 */
import process from 'node:process'
import { app, postgres } from 'holdfast'
import { fillsOrders as orders, type FillsOptions } from './fills-orders.ts'
import { movesLog } from './moves-log.ts'
import { sayEnd } from './say-end.ts'

const { database, skip, ask, ...place } = JSON.parse(process.argv[2] ?? '{}') as FillsOptions
const shop = app({
  name: 'shop',
  log: movesLog(place),
  db: postgres(database),
})
for (const group of ['a', 'b']) {
  shop
    .consumer(group, orders, {
      from: 'earliest',
      onError: error => (error instanceof RangeError ? 'skip' : undefined),
    })
    .effect('placed', async ({ data }, tx) => {
      if (skip && group === 'a') throw new RangeError('skipped')
      await tx.query('insert into seen (grp, n) values ($1, $2)', [group, data.n])
      if (group === 'a') process.stdout.write(`did ${data.n}\n`)
      await tx.query('select pg_sleep(0.002)')
    })
}
await shop.start()
process.stdout.write('up\n')
if (ask) await shop.replay('a', { from: 'earliest', mode: 'fill' })
await sayEnd(shop)
