import { HoldfastError, offset, sleep } from '../../event/index.ts'
import type { Reprocessed, Sink, Tx } from '../../sink/index.ts'
import { loadPruned } from './buckets.ts'
import type { Driver, PostgresLease } from './driver.ts'
import { describeDbError, fenced, hasState, isCollision } from './errors.ts'
import type { Session } from './session.ts'
import { register } from './take-over.ts'
import { openTx } from './tx.ts'

type Range = Parameters<Sink['reprocess']>[1]

/** A reset deletes what a day of events has written: more than the statements of an effect take. */
const RESET_LIMIT_MS = 30 * 60 * 1_000
/** Beyond it a disturbance is the caller's to judge. */
const MAX_DISTURBED = 5

/** See the port. May be repeated: when nobody knows whether a COMMIT came through, the row of the job tells. */
export async function reprocess(
  driver: Driver,
  lease: PostgresLease,
  range: Range,
  reset: (tx: Tx) => Promise<void>,
  signal: AbortSignal,
): Promise<Reprocessed> {
  for (let disturbed = 1; ; disturbed++) {
    let lost = false
    try {
      await driver.connections.work(signal, async session => {
        try {
          await openGeneration(driver, session, lease, range, reset)
        } catch (error) {
          if (!session.isBroken) await session.query('rollback').catch(() => {})
          lost = session.isBroken
          throw error
        }
      })
      const all = await reprocessed(driver, lease)
      const own = all.find(one => one.job === range.job)
      if (own) return own
      throw new HoldfastError('INTERNAL', { detail: `job ${range.job} is not there after its COMMIT` })
    } catch (error) {
      signal.throwIfAborted()
      if (hasState(error, 'HF001')) throw fenced(lease, lease.epoch)
      if ((!lost && !isCollision(error)) || disturbed > MAX_DISTURBED) throw describeDbError(error)
    }
    await sleep(driver.clock, (1 + driver.random()) * 5 * 2 ** disturbed, signal)
  }
}

async function openGeneration(
  driver: Driver,
  session: Session,
  lease: PostgresLease,
  { job, from, to }: Range,
  reset: (tx: Tx) => Promise<void>,
): Promise<void> {
  await session.query(driver.beginText)
  await session.query(`set local statement_timeout = ${RESET_LIMIT_MS}`)
  await session.query(`set local idle_in_transaction_session_timeout = ${RESET_LIMIT_MS}`)
  const { rows } = await session.query('select * from holdfast.open_generation($1, $2, $3, $4, $5)', [
    lease.lease,
    lease.epoch,
    job,
    from,
    to,
  ])
  if (rows[0]?.['is_new'] === true) {
    const open = openTx(session)
    try {
      await reset(open.tx)
    } finally {
      open.end()
    }
  }
  const { command } = await session.query('commit')
  // A statement of the reset had failed, and the reset went on.
  if (command !== 'COMMIT') throw new HoldfastError('SINK_ROLLED_BACK', { detail: 'the reset of a range' })
}

/** See the port. */
export async function reprocessedTo(
  driver: Driver,
  lease: PostgresLease,
  job: string,
  { position, isOver }: Parameters<Sink['reprocessedTo']>[2],
): Promise<void> {
  try {
    await driver.connections.control(driver.limitMs, async session => {
      await session.query(driver.beginText)
      await session.query('select holdfast.fence($1, $2)', [lease.lease, lease.epoch])
      await session.query(
        `update holdfast.reprocessed set position = greatest(position, $3), is_over = is_over or $4
         where lease = $1 and job = $2`,
        [lease.lease, job, position, isOver],
      )
      const { command } = await session.query('commit')
      if (command !== 'COMMIT')
        throw new HoldfastError('SINK_ROLLED_BACK', { detail: 'the progress of a reprocess' })
    })
  } catch (error) {
    if (hasState(error, 'HF001')) throw fenced(lease, lease.epoch)
    throw describeDbError(error)
  }
}

/** See the port. */
export async function reprocessed(
  driver: Driver,
  { group, topic, partition }: Parameters<Sink['reprocessed']>[0],
): Promise<readonly Reprocessed[]> {
  const { rows } = await driver.connections.control(driver.limitMs, session =>
    session.query(
      `select r.job, r.generation, r.first, r.below, r.position, r.is_over
       from holdfast.reprocessed r join holdfast.lease l using (lease)
       where l.name = $1 and l.topic = $2 and l.partition = $3 order by r.generation`,
      [group, topic, partition],
    ),
  )
  const place = (value: unknown): Reprocessed['from'] => offset(BigInt(value as string))
  return rows.map(row => ({
    job: String(row['job']),
    generation: Number(row['generation']),
    from: place(row['first']),
    to: place(row['below']),
    position: place(row['position']),
    isOver: row['is_over'] === true,
  }))
}

/** See the port. */
export async function inGeneration(
  driver: Driver,
  lease: PostgresLease,
  generation: number,
): Promise<PostgresLease> {
  if (generation === lease.generation) return lease
  const { grp } = await register(driver, { ...lease, generation })
  const [pruned, below] = await Promise.all([
    loadPruned(driver, grp),
    driver.connections.control(driver.limitMs, session =>
      session.query('select below from holdfast.applied where lease = $1 and grp = $2', [lease.lease, grp]),
    ),
  ])
  return {
    ...lease,
    generation,
    grp,
    pruned,
    appliedBelow: offset(BigInt(below.rows[0]?.['below'] as string)),
    notedAt: driver.clock.monotonic(),
  }
}
