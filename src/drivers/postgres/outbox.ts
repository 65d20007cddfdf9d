import { HoldfastError } from '../../event/index.ts'
import type { Outbox, OutboxPlace, PlacedRow } from '../../sink/index.ts'
import type { Driver } from './driver.ts'
import { describeDbError } from './errors.ts'
import type { Session } from './session.ts'
import { openTx } from './tx.ts'

/**
 * The outbox in PostgreSQL. What makes reading it safe is the fence: a row is read only once no transaction with a
 * lower id is open any more. A cursor without it skips what commits late: 1. A takes transaction 7, 2. B takes 8,
 * writes and commits, 3. a reader sees 8 and remembers it, 4. A commits 7, behind the reader, for ever.
 */
export function outbox(driver: Driver): Outbox {
  const { connections, limitMs } = driver
  const ask = <T>(use: (session: Session) => Promise<T>): Promise<T> => connections.relay(limitMs, use)
  return {
    transaction: (work, signal) => connections.work(signal, session => transaction(driver, session, work)),

    async add(tx, row) {
      await tx.query(INSERT, [
        row.id,
        row.topic,
        row.key ?? row.id,
        row.key !== undefined,
        row.type,
        row.aggregateVersion?.toString() ?? null,
        row.payload,
        row.headers === undefined ? null : JSON.stringify(row.headers),
      ])
    },

    isUsed: () =>
      ask(async session => {
        const { rows } = await session.query(`select exists (select from holdfast.outbox)
          or exists (select from holdfast.outbox_relay where epoch > 0) as used`)
        return rows[0]?.['used'] === true
      }),

    lease: (owner, forMs) =>
      ask(async session => {
        const { rows } = await session.query(LEASE, [owner, forMs])
        const row = rows[0]
        if (!row) return undefined
        await refuseForeignRows(session)
        return { owner, epoch: BigInt(row['epoch'] as string), place: placeOf(row) }
      }),

    read: (after, limit) =>
      ask(async session => {
        const { rows } = await session.query(READ, [String(after.transaction), String(after.sequence), limit])
        return rows.map(placedRow)
      }),

    advance: ({ owner, epoch }, to) =>
      ask(async session => {
        const values = [owner, String(epoch), String(to.transaction), String(to.sequence)]
        return (await session.query(ADVANCE, values)).rowCount === 1
      }),

    release: ({ owner, epoch }) =>
      ask(async session => {
        await session.query(RELEASE, [owner, String(epoch)])
      }),

    clean: (olderThanMs, limit) =>
      ask(async session => (await session.query(CLEAN, [olderThanMs, limit])).rowCount ?? 0),

    status: () =>
      ask(async session => {
        const [row] = (await session.query(STATUS, [COUNTED_UP_TO])).rows
        const [holder] = row?.['held'] === true ? (await session.query(HOLDER)).rows : []
        return {
          pending: Number(row?.['pending'] ?? 0),
          countedUpTo: COUNTED_UP_TO,
          oldestAt: row?.['oldest'] === null ? undefined : Number(row?.['oldest']),
          owner: (row?.['owner'] as string | null | undefined) ?? undefined,
          heldBackBy: holder && {
            pid: holder['pid'] === null ? undefined : Number(holder['pid']),
            name: String(holder['name']),
            forMs: Number(holder['for_ms']),
          },
        }
      }),

    rebase: () => ask(rebase),
  }
}

const INSERT = `insert into holdfast.outbox (id, aggregatetype, aggregateid, keyed, type, aggregateversion, payload, headers)
values ($1, $2, $3, $4, $5, $6::bigint, $7::json, $8::jsonb)`

/** Taken when it is free, its time is over or it is one's own; only a new owner raises the epoch. */
const LEASE = `update holdfast.outbox_relay
set owner = $1, until = clock_timestamp() + $2 * interval '1 millisecond',
  epoch = case when owner = $1 and until > clock_timestamp() then epoch else epoch + 1 end
where shard = 0 and (owner = $1 or until < clock_timestamp())
returning epoch::text as epoch, txid::text as transaction, seq::text as sequence`

// Compared and ordered by the typed columns: as text, transaction 10000 would come before 9999.
const READ = `select o.txid::text as transaction, o.seq::text as sequence, o.id, o.aggregatetype, o.aggregateid,
  o.keyed, o.type, o.aggregateversion::text as version, o.payload::text as payload, o.headers,
  floor(extract(epoch from o.created_at) * 1000)::text as created
from holdfast.outbox o
where (o.txid, o.seq) > ($1::text::xid8, $2::bigint) and o.txid < pg_snapshot_xmin(pg_current_snapshot())
order by o.txid, o.seq limit $3`

const ADVANCE = `update holdfast.outbox_relay set txid = $3::text::xid8, seq = $4::bigint
where shard = 0 and owner = $1 and epoch = $2::bigint`

const RELEASE = `update holdfast.outbox_relay set until = '-infinity' where shard = 0 and owner = $1 and epoch = $2::bigint`

const CLEAN = `delete from holdfast.outbox o using (
  select c.txid, c.seq from holdfast.outbox c, holdfast.outbox_relay r
  where r.shard = 0 and (c.txid, c.seq) <= (r.txid, r.seq)
    and c.created_at < clock_timestamp() - $1 * interval '1 millisecond'
  order by c.txid, c.seq limit $2) gone
where o.txid = gone.txid and o.seq = gone.seq`

const COUNTED_UP_TO = 100_000

// The highest by its order: max() of transaction ids came with PostgreSQL 15.
const STATUS = `with relay as (select * from holdfast.outbox_relay where shard = 0),
waiting as (select o.txid, o.seq, o.created_at from holdfast.outbox o, relay r
  where (o.txid, o.seq) > (r.txid, r.seq) order by o.txid, o.seq limit $1)
select (select count(*) from waiting)::text as pending,
  (select floor(extract(epoch from min(created_at)) * 1000)::text from waiting) as oldest,
  (select owner from relay where until > clock_timestamp()) as owner,
  coalesce((select txid from waiting order by txid desc limit 1) >= pg_snapshot_xmin(pg_current_snapshot()), false) as held`

/** Whose transaction is the oldest: of a session, or prepared and forgotten. */
const HOLDER = `select pid, name, floor(extract(epoch from clock_timestamp() - since) * 1000)::text as for_ms from (
  select a.pid, coalesce(nullif(a.application_name, ''), a.usename::text) || ' in ' || a.datname as name,
    a.xact_start as since, age(a.backend_xid) as old from pg_stat_activity a where a.backend_xid is not null
  union all
  select null, 'prepared transaction ' || p.gid || ' in ' || p.database, p.prepared, age(p.transaction) from pg_prepared_xacts p
) open order by old desc limit 1`

/**
 * A transaction that this cluster has not given yet comes from another: of the highest row, or of the place. Behind such a
 * place every new row would look as if it had been moved, and be deleted.
 */
async function refuseForeignRows(session: Session): Promise<void> {
  const { rows } =
    await session.query(`select o.txid::text as txid, pg_snapshot_xmax(pg_current_snapshot())::text as next
    from (select txid from holdfast.outbox union all select txid from holdfast.outbox_relay) o
    where o.txid >= pg_snapshot_xmax(pg_current_snapshot()) order by o.txid desc limit 1`)
  const [row] = rows
  if (!row) return
  throw new HoldfastError('OUTBOX_FENCE', {
    detail: `there is a row or a place of transaction ${String(row['txid'])}, and the next one of this cluster is ${String(row['next'])}`,
  })
}

async function rebase(session: Session): Promise<number> {
  await session.query('begin')
  await session.query('lock table holdfast.outbox in share row exclusive mode')
  // Rows that were written here since have lower transactions than those of before, so neither these nor the place say
  // what was moved: all go again, and their ids are recognised. The sequence goes on in a restored database, and orders
  // all transactions that were not open at the same time.
  const { rowCount } = await session.query(`with old as (
      delete from holdfast.outbox returning *)
    insert into holdfast.outbox (id, aggregatetype, aggregateid, type, aggregateversion, payload, headers, keyed, created_at)
    select id, aggregatetype, aggregateid, type, aggregateversion, payload, headers, keyed, created_at
    from old order by seq`)
  await session.query(
    `update holdfast.outbox_relay set txid = '0', seq = 0, epoch = epoch + 1, until = '-infinity'`,
  )
  await session.query('commit')
  return rowCount ?? 0
}

/** The caller's transaction. Its answer is the truth: COMMIT of a failed one resolves, and says ROLLBACK. */
async function transaction<T>(
  driver: Driver,
  session: Session,
  work: Parameters<Outbox['transaction']>[0],
): Promise<T> {
  await session.query(driver.beginText)
  const open = openTx(session)
  let result: unknown
  try {
    result = await work(open.tx)
  } finally {
    open.end()
  }
  let tag: string
  try {
    tag = (await session.query('commit')).command
  } catch (error) {
    if (!session.isBroken) throw describeDbError(error)
    throw new HoldfastError('SINK_OUTCOME_UNKNOWN', {
      detail: error instanceof Error ? error.message : String(error),
      cause: error,
    })
  }
  if (tag !== 'COMMIT') {
    throw new HoldfastError('SINK_ROLLED_BACK', { detail: 'a statement of the transaction had failed' })
  }
  return result as T
}

function placedRow(row: Readonly<Record<string, unknown>>): PlacedRow {
  const version = row['version'] as string | null
  return {
    place: placeOf(row),
    id: String(row['id']),
    topic: String(row['aggregatetype']),
    key: row['keyed'] === true ? String(row['aggregateid']) : undefined,
    type: String(row['type']),
    aggregateVersion: version === null ? undefined : BigInt(version),
    payload: (row['payload'] as string | null) ?? 'null',
    headers: (row['headers'] as PlacedRow['headers'] | null) ?? undefined,
    createdAt: Number(row['created']),
  }
}

function placeOf(row: Readonly<Record<string, unknown>>): OutboxPlace {
  return { transaction: BigInt(row['transaction'] as string), sequence: BigInt(row['sequence'] as string) }
}
