import { HoldfastError, sleep } from '../../event/index.ts'
import type { ApplyOptions, SinkOutcome, SinkRecord, SinkWork } from '../../sink/index.ts'
import { admit, type Admitted } from './admit.ts'
import { bisect, type Found } from './bisect.ts'
import type { Driver, PostgresLease } from './driver.ts'
import {
  describeDbError,
  endsConnection,
  fenced,
  hasState,
  isBadData,
  isCollision,
  isMissingBucket,
  isOutage,
} from './errors.ts'
import { ensureBuckets, loadPruned } from './buckets.ts'
import { bucketOf } from './inbox-plan.ts'
import type { Session } from './session.ts'
import { runWork } from './tx.ts'

/** One call of `apply`, and what its rounds have learnt. */
interface Call {
  readonly driver: Driver
  readonly lease: PostgresLease
  readonly records: readonly SinkRecord[]
  readonly options: ApplyOptions
  readonly work: SinkWork
  /** Look for the bad record by halving: set when a plain round met an error that one of several caused. */
  halve: boolean
  /** Check deferred constraints before COMMIT, where the record that broke one can still be told. */
  checkDeferred: boolean
  /** Records of a transaction whose COMMIT got no answer. */
  readonly perhaps: Set<number>
  /** The last round ended because its own connection was lost: not one of the handler's, to another service. */
  lost: boolean
  /** Rounds that met a lost connection, a lock or a deadlock. */
  disturbed: number
}

/** Beyond it a disturbance is the caller's to judge. */
const MAX_DISTURBED = 5

/** Applies records in one transaction; see the port. A round is one transaction, and every round may be repeated. */
export async function apply(
  driver: Driver,
  lease: PostgresLease,
  records: readonly SinkRecord[],
  options: ApplyOptions,
  work: SinkWork,
): Promise<readonly SinkOutcome[]> {
  const call: Call = {
    driver,
    lease,
    records,
    options,
    work,
    halve: false,
    checkDeferred: false,
    perhaps: new Set(),
    lost: false,
    disturbed: 0,
  }
  for (;;) {
    try {
      call.lost = false
      const outcomes = await driver.connections.work(options.signal, async session => {
        try {
          return await round(call, session)
        } catch (error) {
          // A farewell of the server that came to a query of `tx.raw`: ours, or that of another database? Asking shows it.
          if (endsConnection(error)) await session.query('rollback').catch(() => {})
          call.lost = session.isBroken
          throw error
        }
      })
      if (outcomes !== 'again') return outcomes
    } catch (error) {
      await recover(call, error)
    }
  }
}

/** Returns when another round may do better; otherwise throws what the caller gets. */
async function recover(call: Call, error: unknown): Promise<void> {
  const { driver, lease, options } = call
  options.signal.throwIfAborted()
  if (hasState(error, 'HF001')) throw fenced(lease, lease.epoch)
  const disturbed = call.lost || isCollision(error)
  const noBucket = isMissingBucket(error) || hasState(error, 'HF003')
  if ((!disturbed && !noBucket) || ++call.disturbed > MAX_DISTURBED) throw describeDbError(error)
  if (noBucket) {
    lease.pruned = await loadPruned(driver, lease.grp)
    const buckets = call.records.map(record => bucketOf(record.acceptedAt))
    await ensureBuckets(
      driver,
      buckets.flatMap(bucket => [bucket - 1, bucket]).filter(bucket => !lease.pruned.has(bucket)),
    )
    return
  }
  // Short and growing: the lock's holder needs a moment, a lost connection usually none.
  const ms = (1 + driver.random()) * 5 * 2 ** call.disturbed
  await sleep(driver.clock, ms, options.signal)
}

/** One transaction. `again` after it learnt something; throws when it was disturbed. */
async function round(call: Call, session: Session): Promise<readonly SinkOutcome[] | 'again'> {
  const admitted = await admit(session, call)
  if (admitted.fresh.length === 0) {
    await commit(session)
    return outcomesOf(call, admitted, new Map())
  }
  const found = call.halve
    ? await doByHalves(call, session, admitted)
    : await doPlainly(call, session, admitted)
  if (found === 'again') return found
  const left = indicesOf(found, kind => kind !== 'done')
  if (found.size === left.length && !call.halve) {
    await session.query('rollback')
    return outcomesOf(call, admitted, found)
  }
  await admitted.withdraw(session, left)
  return finish(call, session, admitted, found)
}

/** The healthy way: no savepoint, one COMMIT. */
async function doPlainly(
  call: Call,
  session: Session,
  { fresh }: Admitted,
): Promise<Map<number, Found> | 'again'> {
  try {
    const bad = await runWork(session, call.work, fresh)
    if (bad.size === 0) return new Map(fresh.map(index => [index, DONE]))
    if (fresh.length === 1) return new Map([...bad].map(([index, error]) => [index, failed(error)]))
  } catch (error) {
    rethrowUnlessOwn(call, session, error)
    if (fresh.length === 1) return new Map([[fresh[0] ?? 0, failed(error)]])
  }
  return tryAgainByHalves(call, session)
}

async function doByHalves(call: Call, session: Session, { fresh }: Admitted): Promise<Map<number, Found>> {
  // Done in offset order only: whatever fails holds back all that come after.
  const laneOf = (index: number): string | undefined =>
    call.options.dedup === 'offsets' ? '' : call.records[index]?.key
  return bisect(fresh, laneOf, async records => {
    call.options.signal.throwIfAborted()
    await session.query('savepoint holdfast_part')
    try {
      const bad = await runWork(session, call.work, records)
      if (bad.size > 0) {
        await session.query('rollback to savepoint holdfast_part')
        return { kind: 'marked', bad: new Map([...bad].map(([i, error]) => [i, describeDbError(error)])) }
      }
      if (call.checkDeferred) await session.query('set constraints all immediate')
      await session.query('release savepoint holdfast_part')
      return { kind: 'done' }
    } catch (error) {
      rethrowUnlessOwn(call, session, error)
      await session.query('rollback to savepoint holdfast_part')
      return failed(swallowed(error) ? rolledBack() : error)
    }
  })
}

/** Throws what no record can be blamed for. */
function rethrowUnlessOwn(call: Call, session: Session, error: unknown): void {
  call.options.signal.throwIfAborted()
  if (session.isBroken || isOutage(error)) throw error
  if (isCollision(error) && call.disturbed < MAX_DISTURBED) throw error
}

async function finish(
  call: Call,
  session: Session,
  admitted: Admitted,
  found: Map<number, Found>,
): Promise<readonly SinkOutcome[] | 'again'> {
  const done = indicesOf(found, kind => kind === 'done')
  let tag: string
  try {
    tag = await commit(session)
  } catch (error) {
    // A deferred constraint: the server says no, and says so.
    if (isBadData(error) && !session.isBroken) {
      if (done.length === 1) return outcomesOf(call, admitted, found.set(done[0] ?? 0, failed(error)))
      call.checkDeferred = true
      return tryAgainByHalves(call, session)
    }
    // Nobody knows: 1. COMMIT was sent, 2. the line went dead, 3. the server committed, or not. Run again; the
    // inbox answers.
    for (const index of done) call.perhaps.add(index)
    throw error
  }
  if (tag === 'COMMIT') {
    admitted.settled()
    return outcomesOf(call, admitted, found)
  }
  // COMMIT of a transaction in which a statement failed is answered with ROLLBACK, and with no error.
  if (done.length === 1) return outcomesOf(call, admitted, found.set(done[0] ?? 0, failed(rolledBack())))
  return tryAgainByHalves(call, session)
}

async function tryAgainByHalves(call: Call, session: Session): Promise<'again'> {
  if (call.halve && call.disturbed++ >= MAX_DISTURBED) throw rolledBack()
  call.halve = true
  await session.query('rollback')
  return 'again'
}

async function commit(session: Session): Promise<string> {
  return (await session.query('commit')).command
}

function outcomesOf(call: Call, admitted: Admitted, found: ReadonlyMap<number, Found>): SinkOutcome[] {
  const outcomes: SinkOutcome[] = []
  for (const [index, status] of admitted.statuses.entries()) {
    // The earlier record of the same event decides; it stands before this one.
    const kind = status.kind === 'same' ? outcomes[status.as]?.kind : found.get(index)?.kind
    if (status.kind === 'same')
      outcomes.push({ kind: kind === 'failed' || kind === 'held' ? 'held' : 'duplicate' })
    else if (status.kind === 'expired' || status.kind === 'held') outcomes.push({ kind: status.kind })
    else if (status.kind === 'duplicate')
      outcomes.push({ kind: call.perhaps.has(index) ? 'applied' : 'duplicate' })
    else outcomes.push(outcomeOf(found.get(index)))
  }
  return outcomes
}

const DONE = { kind: 'done' } as const
const APPLIED = { kind: 'applied' } as const

function outcomeOf(found: Found | undefined): SinkOutcome {
  if (!found) throw new HoldfastError('INTERNAL', { detail: 'a fresh record has no outcome' })
  return found.kind === 'done' ? APPLIED : found
}

function indicesOf(found: ReadonlyMap<number, Found>, is: (kind: Found['kind']) => boolean): number[] {
  const indices: number[] = []
  for (const [index, { kind }] of found) if (is(kind)) indices.push(index)
  return indices
}

function failed(error: unknown): { kind: 'failed'; error: unknown } {
  return { kind: 'failed', error: describeDbError(error) }
}

/** The handler caught the error of a statement and went on; the next statement says so. */
function swallowed(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === '25P02'
}

function rolledBack(): HoldfastError {
  return new HoldfastError('SINK_ROLLED_BACK', { detail: 'a statement of the handler had failed' })
}
