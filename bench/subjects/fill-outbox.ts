/** Fills the outbox of a database: one row is published as users do, and the others are it again under ids of their own. */
import { app, memory, postgres } from 'holdfast'
import { Client } from 'pg'
import { given, tell } from '../frame/stopwatch.ts'
import { dataOf, vehicles } from './vehicles.ts'

const { database, rows } = given<{ database: string; rows: number }>()
/** Rows that commit together. */
const TOGETHER = 100

const bench = app({ name: 'bench', log: memory(), db: postgres(database) })
await bench.start({ roles: ['collector'] })
await bench.transaction(tx => tx.publish(vehicles, 'moved', dataOf(0)))
await bench.stop()

const client = new Client({ connectionString: database })
await client.connect()
await client.query('create table template as select * from holdfast.outbox')
for (let n = 0; n < rows; n += TOGETHER) {
  await client.query(
    `insert into holdfast.outbox (id, aggregatetype, aggregateid, keyed, type, payload, headers)
     select id, aggregatetype, 'k' || (n % 10000), keyed, type, payload, headers || jsonb_build_object('ce_id', id)
     from (select t.*, n, gen_random_uuid()::text as id from
       (select aggregatetype, keyed, type, payload, headers from template) t, generate_series($1::int, $2::int) n) made`,
    [n, n + TOGETHER - 1],
  )
}
await client.query('delete from holdfast.outbox o using template t where o.id = t.id')
await client.query('vacuum analyze holdfast.outbox')
await client.end()
tell({ rows })
