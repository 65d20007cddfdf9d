import { HoldfastError } from '../../event/index.ts'
import type { LeaseScope } from '../../sink/index.ts'
import { currentBuckets, ensureBuckets, loadPruned } from './buckets.ts'
import type { Driver, PostgresLease } from './driver.ts'
import { describeDbError } from './errors.ts'
import type { Session } from './session.ts'

/** Beyond it somebody takes the partition over again and again. */
const MAX_ROUNDS = 10
/** From this round on also a take-over that stands still is terminated; before it, it may just be asking the log. */
const ROUND_AGAINST_TAKERS = 5

/** See the port. The lock is the advisory lock (4242, lease): it queues fairly, and its holders can be named. */
export async function takeOver(
  driver: Driver,
  scope: LeaseScope,
  confirm: () => Promise<boolean>,
  since?: bigint,
): Promise<PostgresLease> {
  const { lease, grp } = await register(driver, scope)
  await ensureBuckets(driver, currentBuckets(driver.clock.now()))
  const pruned = await loadPruned(driver, grp)
  const limitMs = driver.limitMs + driver.options.takeOverGraceMs * MAX_ROUNDS
  return driver.connections.control(limitMs, async session => {
    await session.query(driver.beginText)
    await shutOut(driver, session, scope, lease)
    if (!(await confirm())) {
      await session.query('rollback')
      throw new HoldfastError('EPOCH_STALE', {
        detail: `${scope.group} ${scope.topic}/${scope.partition} was given to another member during the take-over`,
      })
    }
    const taken = await session.query(
      `update holdfast.lease set epoch = epoch + 1, owner = $2, taken_at = now() where lease = $1 returning epoch`,
      [lease, scope.owner],
    )
    if (since !== undefined) await session.query(FORGET, [lease, since])
    const applied = await session.query('select below from holdfast.applied where lease = $1 and grp = $2', [
      lease,
      grp,
    ])
    const { command } = await session.query('commit')
    if (command !== 'COMMIT') throw new HoldfastError('SINK_ROLLED_BACK', { detail: 'a take-over' })
    const below = BigInt(applied.rows[0]?.['below'] as string)
    const { topic, partition, group, generation, owner } = scope
    return {
      topic,
      partition,
      group,
      generation,
      owner,
      lease,
      grp,
      pruned,
      epoch: BigInt(taken.rows[0]?.['epoch'] as string),
      appliedBelow: below as PostgresLease['appliedBelow'],
      notedAt: driver.clock.monotonic(),
    }
  })
}

const FORGET = `
  with anew as (update holdfast.lease set since = $2 where lease = $1 and since < $2 returning lease),
    ranges as (delete from holdfast.reprocessed where lease in (select lease from anew))
  update holdfast.applied set below = 0 where lease in (select lease from anew)`

/** The numbers that stand for the names. Made when they are not there. */
export async function register(
  driver: Driver,
  scope: Omit<LeaseScope, 'owner'>,
): Promise<{ lease: number; grp: number }> {
  const { rows } = await driver.connections.control(driver.limitMs, session =>
    session.query('select * from holdfast.register($1, $2, $3, $4)', [
      scope.group,
      scope.generation,
      scope.topic,
      scope.partition,
    ]),
  )
  return { lease: Number(rows[0]?.['lease']), grp: Number(rows[0]?.['grp']) }
}

/**
 * Takes the lock that every transaction of an owner shares. An owner that is frozen gives it back only when its
 * connection is ended from here: no time-out of the server bounds one that stands in a COPY or does not read its
 * result. It may be another transaction of ours on the same connection by then; that one is run again.
 */
async function shutOut(driver: Driver, session: Session, scope: LeaseScope, lease: number): Promise<void> {
  await session.query(`set local lock_timeout = ${driver.options.takeOverGraceMs}`)
  for (let round = 1; ; round++) {
    await session.query('savepoint holdfast_take')
    try {
      await session.query('select pg_advisory_xact_lock(4242, $1)', [lease])
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== '55P03' || round === MAX_ROUNDS) throw describeDbError(error)
    }
    await session.query('rollback to savepoint holdfast_take')
    const { rows } = await session.query(
      `select pid, pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and classid = 4242 and objid = $1::int::oid and objsubid = 2 and granted
         and database = (select oid from pg_database where datname = current_database())
         and pid <> pg_backend_pid() and (mode = 'ShareLock' or $2)`,
      [lease, round >= ROUND_AGAINST_TAKERS],
    )
    if (rows.length > 0) {
      driver.logger.warn(
        {
          topic: scope.topic,
          partition: scope.partition,
          group: scope.group,
          pids: rows.map(row => row['pid']),
        },
        'terminated database connections of the former owner',
      )
    }
  }
}
