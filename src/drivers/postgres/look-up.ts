import type { InboxScope, Known, SinkRecord } from '../../sink/index.ts'
import type { Driver } from './driver.ts'
import { planInbox, rowKey, type InboxRow, type RecordPlan } from './inbox-plan.ts'
import { DAY_MS } from './options.ts'

type Asked = readonly Pick<SinkRecord, 'source' | 'id' | 'acceptedAt'>[]

/** See the port. One question for all records, and one for the days that were dropped. */
export async function lookUp(
  driver: Driver,
  scope: InboxScope,
  records: Asked,
  signal: AbortSignal,
): Promise<readonly Known[]> {
  const { retryWindowMs } = driver.options
  const wanted = planInbox(records, { retryWindowMs, pruned: new Set() }).flatMap(rowsOf)
  const params = [scope.group, scope.generation]
  const { found, pruned } = await driver.connections.work(signal, async session => {
    const { rows } = await session.query(
      `select i.bucket, i.id from holdfast.grp g, unnest($3::int[], $4::uuid[]) asked(bucket, id)
       join holdfast.inbox i on i.bucket = asked.bucket and i.id = asked.id
       where g.name = $1 and g.generation = $2 and i.grp = g.grp`,
      [...params, wanted.map(row => row.bucket), wanted.map(row => row.id)],
    )
    // Second: a day is marked before it is dropped, so one that went in between is seen as gone, and not as empty.
    const gone = await session.query(
      'select bucket from holdfast.pruned p join holdfast.grp g using (grp) where g.name = $1 and g.generation = $2',
      params,
    )
    return {
      found: new Set((rows as unknown as InboxRow[]).map(rowKey)),
      pruned: new Set(gone.rows.map(row => Number(row['bucket']))),
    }
  })
  const known: Known[] = []
  for (const plan of planInbox(records, { retryWindowMs, pruned })) {
    if (plan.kind === 'expired') known.push('unknown')
    else if (plan.rows.some(row => found.has(rowKey(row)))) known.push('applied')
    else known.push(plan.kind === 'same' ? (known[plan.as] ?? 'missing') : 'missing')
  }
  return known
}

/** See the port. Days are dropped from the oldest on, so all after the last one that went are there. */
export async function knownFrom(driver: Driver, scope: InboxScope): Promise<number> {
  const { rows } = await driver.connections.control(driver.limitMs, session =>
    session.query(
      `select max(bucket) as last from holdfast.pruned p join holdfast.grp g using (grp)
       where g.name = $1 and g.generation = $2`,
      [scope.group, scope.generation],
    ),
  )
  const last = rows[0]?.['last']
  return last === null || last === undefined ? 0 : (Number(last) + 1) * DAY_MS
}

function rowsOf(plan: RecordPlan): readonly InboxRow[] {
  return plan.kind === 'expired' ? [] : plan.rows
}
