/**
 * The bare relay: pages of 500 rows behind a cursor, each one durable transaction of LMDB, then the cursor is moved. No
 * fence, no lease, no known ids, no partitions.
 */
import { join } from 'node:path'
import { Client } from 'pg'
import { openLmdb } from '../frame/lmdb.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const options = given<{ database: string; folder: string; warm: number; rows: number }>()
const PAGE = `select txid::text as transaction, seq::text as sequence, id, payload::text as payload, headers::text as headers
  from holdfast.outbox o where (o.txid, o.seq) > ($1::text::xid8, $2::bigint) order by o.txid, o.seq limit 500`
const lmdb = openLmdb(join(options.folder, 'log'))
const pages = lmdb.table('pages')
const client = new Client({ connectionString: options.database })
await client.connect()
await client.query('create table if not exists cursor (txid text, seq bigint)')
await client.query(`truncate cursor; insert into cursor values ('0', 0)`)

let [transaction, sequence, number] = ['0', '0', 0]
async function move(count: number): Promise<void> {
  for (let moved = 0; moved < count;) {
    const { rows } = await client.query<Record<string, string>>(PAGE, [transaction, sequence])
    const key = Buffer.alloc(8)
    key.writeDoubleBE(number++)
    const page = Buffer.from(
      rows.map(({ id, headers, payload }) => `${id}\t${headers}\t${payload}\n`).join(''),
    )
    await lmdb.transaction(() => pages.putSync(key, page))
    ;({ transaction = '', sequence = '' } = rows.at(-1) ?? {})
    await client.query('update cursor set txid = $1, seq = $2', [transaction, sequence])
    moved += rows.length
  }
}

await move(options.warm)
const watch = stopwatch()
await move(options.rows)
tell(watch.stop(options.rows))
await client.end()
