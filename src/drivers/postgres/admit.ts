import type { Offset } from '../../event/index.ts'
import type { ApplyOptions, SinkRecord } from '../../sink/index.ts'
import type { Driver, PostgresLease } from './driver.ts'
import { planInbox, rowKey, type InboxRow, type RecordPlan } from './inbox-plan.ts'
import type { Session } from './session.ts'

/** What the fence and the inbox answered at the beginning of a transaction. */
export interface Admitted {
  readonly statuses: readonly RecordStatus[]
  /** Indices of the records that are to be done. */
  readonly fresh: readonly number[]
  /** Takes back the proof for records that were not done after all. */
  withdraw(session: Session, records: readonly number[]): Promise<void>
  /** To be called when the transaction has committed. */
  settled(): void
}

export type RecordStatus =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'same'; readonly as: number }
  | { readonly kind: 'expired' }
  /** An earlier one of its key is expired. */
  | { readonly kind: 'held' }

interface Request {
  readonly driver: Driver
  readonly lease: PostgresLease
  readonly records: readonly SinkRecord[]
  readonly options: ApplyOptions
}

/**
 * Begins the transaction: the fence, and which records are new. Throws HF001 when fenced, HF003 when a day was pruned.
 *
 * All in one trip to the server, since trips are most of what an effect for a single event costs. It has to be the
 * protocol without parameters for that; what stands in the text are numbers, and ids that are hashes.
 */
export function admit(session: Session, request: Request): Promise<Admitted> {
  return request.options.dedup === 'offsets' ? admitByOffset(session, request) : admitById(session, request)
}

/** The applied offset need not be exact, and one row for a partition must not put its transactions in a line. */
const NOTE_EVERY_MS = 1_000

async function admitById(session: Session, request: Request): Promise<Admitted> {
  const { driver, lease, records, options } = request
  const plans = planInbox(records, { retryWindowMs: driver.options.retryWindowMs, pruned: lease.pruned })
  const expired = expiredOf(plans, request)
  const held = heldBack(plans, expired, records)
  const rows = plans.flatMap((plan, index) => (plan.kind === 'expired' || held.has(index) ? [] : plan.rows))
  const now = driver.clock.monotonic()
  const noteDue = options.appliedBelow !== undefined && now - lease.notedAt >= NOTE_EVERY_MS
  const [buckets, ids] = [arrayText(rows.map(row => row.bucket)), arrayText(rows.map(row => row.id))]
  const below = noteDue ? (options.appliedBelow ?? null) : null
  const answer = await session.script([
    driver.beginText,
    `select count(*)::int as count
     from holdfast.begin_batch(${lease.lease}, ${lease.epoch}, ${lease.grp}, ${below}, '${buckets}', '${ids}')`,
  ])
  // As a rule all are new, and which they are need not be told.
  const areAllNew = Number(answer.rows[0]?.['count']) >= rows.length
  const isNew = areAllNew ? () => true : await newRows(session, lease, buckets, ids)
  const statuses = plans.map((plan, index): RecordStatus => {
    if (plan.kind === 'expired') return expired.has(index) ? EXPIRED : DUPLICATE
    if (held.has(index)) return HELD
    if (plan.kind === 'same') return plan
    return plan.rows.every(isNew) ? FRESH : DUPLICATE
  })
  return {
    statuses,
    fresh: freshOf(statuses),
    async withdraw(session, undone) {
      const roots = new Set(undone)
      const rows = plans.flatMap((plan, index) =>
        plan.kind !== 'expired' && roots.has(plan.kind === 'same' ? plan.as : index) ? plan.rows : [],
      )
      const gone = rows.filter(isNew)
      if (gone.length === 0) return
      await session.query(
        `delete from holdfast.inbox i using unnest($2::int[], $3::uuid[]) gone(bucket, id)
         where i.bucket = gone.bucket and i.grp = $1 and i.id = gone.id`,
        [lease.grp, arrayText(gone.map(row => row.bucket)), arrayText(gone.map(row => row.id))],
      )
    },
    settled() {
      if (noteDue) lease.notedAt = now
    },
  }
}

const NONE: ReadonlySet<number> = new Set()

/** Records of a day that is gone. One below the applied offset was settled while its day was still there. */
function expiredOf(plans: readonly RecordPlan[], request: Request): ReadonlySet<number> {
  const { lease, records, options } = request
  if (lease.pruned.size === 0) return NONE
  const isSettled = (offset: Offset): boolean =>
    options.appliedBelow !== undefined &&
    (offset < options.appliedBelow || (lease.appliedBelow !== undefined && offset < lease.appliedBelow))
  const expired = new Set<number>()
  for (const [index, { offset }] of records.entries())
    if (plans[index]?.kind === 'expired' && !isSettled(offset)) expired.add(index)
  return expired
}

/** Records behind an expired one of their key, which is decided about first; and those that are the same event as such a one. */
function heldBack(
  plans: readonly RecordPlan[],
  expired: ReadonlySet<number>,
  records: readonly SinkRecord[],
): ReadonlySet<number> {
  if (expired.size === 0) return NONE
  const keys = new Set<string>()
  const held = new Set<number>()
  for (const [index, { key }] of records.entries()) {
    const plan = plans[index]
    const isBehind = key !== undefined && keys.has(key)
    if (expired.has(index) && key !== undefined) keys.add(key)
    else if (plan?.kind === 'same' ? held.has(plan.as) : isBehind) held.add(index)
  }
  return held
}

/** Of the rows that were asked for, those that this transaction has inserted. */
async function newRows(
  session: Session,
  lease: PostgresLease,
  buckets: string,
  ids: string,
): Promise<(row: InboxRow) => boolean> {
  const { rows } = await session.query(
    `select i.bucket, i.id from unnest($2::int[], $3::uuid[]) asked(bucket, id)
     join holdfast.inbox i on i.bucket = asked.bucket and i.grp = $1 and i.id = asked.id
     where i.xmin = pg_current_xact_id()::xid`,
    [lease.grp, buckets, ids],
  )
  const inserted = new Set((rows as unknown as InboxRow[]).map(rowKey))
  return row => inserted.has(rowKey(row))
}

/** An array of numbers or uuids of ours as PostgreSQL reads it: nothing in it needs to be escaped. */
function arrayText(items: readonly (string | number)[]): string {
  return `{${items.join(',')}}`
}

const [FRESH, DUPLICATE] = [{ kind: 'fresh' }, { kind: 'duplicate' }] as const
const [EXPIRED, HELD] = [{ kind: 'expired' }, { kind: 'held' }] as const

async function admitByOffset(session: Session, request: Request): Promise<Admitted> {
  const { driver, lease, records, options } = request
  const last = records.at(-1)
  const known = options.appliedBelow ?? 0n
  const below = last === undefined ? known : max(known, last.offset + 1n)
  const answer = await session.script([
    driver.beginText,
    `select holdfast.begin_offsets(${lease.lease}, ${lease.epoch}, ${lease.grp}, ${below}) as former`,
  ])
  const former = BigInt(answer.rows[0]?.['former'] as string)
  const statuses = records.map(({ offset }) => (offset < former ? DUPLICATE : FRESH))
  return {
    statuses,
    fresh: freshOf(statuses),
    async withdraw(session, undone) {
      const first = records[Math.min(...undone)]
      if (!first) return
      const sql = 'update holdfast.applied set below = $3 where lease = $1 and grp = $2'
      await session.query(sql, [lease.lease, lease.grp, first.offset])
    },
    settled() {},
  }
}

function freshOf(statuses: readonly RecordStatus[]): number[] {
  const fresh: number[] = []
  for (const [index, { kind }] of statuses.entries()) if (kind === 'fresh') fresh.push(index)
  return fresh
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
