import type { Driver } from './driver.ts'
import { bucketOf } from './inbox-plan.ts'
import { DAY_MS } from './options.ts'
import type { Session } from './session.ts'

/** Makes the days of the inbox that are missing. */
export async function ensureBuckets(driver: Driver, buckets: readonly number[]): Promise<void> {
  await driver.connections.control(driver.limitMs, session =>
    session.query('select holdfast.ensure_buckets($1)', [[...new Set(buckets)]]),
  )
}

/** Yesterday, because the first records of a day have a row there, today, and tomorrow for what comes after midnight. */
export function currentBuckets(now: number): number[] {
  const today = bucketOf(now)
  return [today - 1, today, today + 1]
}

/** The days of which nobody knows any more what this group applied. */
export async function loadPruned(driver: Driver, grp: number): Promise<ReadonlySet<number>> {
  const { rows } = await driver.connections.control(driver.limitMs, session =>
    session.query('select bucket from holdfast.pruned where grp = $1', [grp]),
  )
  return new Set(rows.map(row => Number(row['bucket'])))
}

/**
 * Drops the days before `before`. Detached first, and concurrently: a plain drop would wait for every transaction of
 * the inbox while all new ones wait behind it. A crash in between is cleared up by the next call.
 */
export async function pruneBuckets(driver: Driver, before: number): Promise<void> {
  const end = bucketOf(Math.min(before, driver.clock.now() - driver.options.inboxKeptMs))
  await driver.connections.control(PRUNE_LIMIT_MS, async session => {
    const { rows } = await session.query(
      `select substring(c.relname from '^inbox_(-?[0-9]+)$')::int as bucket, i.inhdetachpending as pending,
              i.inhrelid is not null as attached
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       left join pg_inherits i on i.inhrelid = c.oid
       where n.nspname = 'holdfast' and c.relkind = 'r' and c.relname ~ '^inbox_-?[0-9]+$'`,
    )
    for (const row of rows) {
      const bucket = Number(row['bucket'])
      if (bucket >= end && row['attached'] === true) continue
      try {
        if (row['attached'] === true) await detach(session, bucket, row['pending'] === true)
        await session.query('select holdfast.drop_detached($1)', [bucket])
      } catch (error) {
        // Another process prunes the same day; it is left to that one, or to the next call.
        if (!overtakenStates.has((error as { code?: string }).code ?? '')) throw error
      }
    }
  })
}

async function detach(session: Session, bucket: number, pending: boolean): Promise<void> {
  if (!pending) await session.query('select holdfast.mark_pruned($1)', [bucket])
  const how = pending ? 'finalize' : 'concurrently'
  await session.query(`alter table holdfast.inbox detach partition holdfast."inbox_${bucket}" ${how}`)
}

/** "already pending detach", "does not exist", "is not a partition". */
const overtakenStates = new Set(['55000', '42P01', '42809'])

/** Detaching waits for the transactions that use the inbox. */
const PRUNE_LIMIT_MS = DAY_MS / 24
