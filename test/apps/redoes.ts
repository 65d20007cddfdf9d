/**
 * An app whose group `a` writes what it is told to, and runs a range again when asked:
 *
 *   node --conditions=holdfast-source test/apps/redoes.ts '{"data":"/tmp/x","sessionMs":2000,"database":"postgres://…","version":2,"ask":true}'
 *
 * It says `up`, `resetting`, `did N GENERATION` for each handler that ran, `holding` when they wait for their end, and
 * `ended {…}` when the newest replay has.
 */
import process from 'node:process'
import { app, postgres } from 'holdfast'
import { fillsOrders as orders, type RedoesOptions } from './fills-orders.ts'
import { movesLog } from './moves-log.ts'
import { sayEnd } from './say-end.ts'

const {
  database,
  version,
  ask,
  holdAfter = Infinity,
  ...place
} = JSON.parse(process.argv[2] ?? '{}') as RedoesOptions
const shop = app({
  name: 'shop',
  log: movesLog(place),
  db: postgres(database),
})
let tries = 0
let redone = 0
let hold = holdAfter
shop
  .consumer('a', orders, {
    from: 'earliest',
    retry: ['50ms', '50ms', '50ms', '50ms'],
    deadShare: 1,
    async reset({ partition, from, to }, tx) {
      process.stdout.write('resetting\n')
      await tx.query('delete from redone where partition = $1 and at >= $2 and at < $3', [
        partition,
        from,
        to,
      ])
      await tx.query('select pg_sleep(0.3)')
    },
  })
  .effect('placed', async (event, tx, { generation, signal }) => {
    const { n } = event.data
    // Some fail at first, and their followers wait in the lane with them.
    if (n % 23 === 7 && event.attempt < 3 && ++tries % 2 === 0) throw new Error(`not yet ${n}`)
    if (generation > 0 && ++redone > hold) {
      process.stdout.write('holding\n')
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      hold = Infinity
      throw new Error('given up')
    }
    const row = [n, event.partition, event.offset, version, generation]
    await tx.query(
      'insert into redone (n, partition, at, version, generation) values ($1, $2, $3, $4, $5)',
      row,
    )
    process.stdout.write(`did ${n} ${generation}\n`)
    await tx.query('select pg_sleep(0.002)')
  })
await shop.start()
process.stdout.write('up\n')
if (ask) await shop.replay('a', { from: 'earliest', mode: 'reprocess', reason: 'the handler was wrong' })
await sayEnd(shop)
