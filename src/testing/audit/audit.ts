import type { Ledger, LedgerEntry, Outcome } from './ledger.ts'

/**
 * Compares what a client sent with what a consumer group did, by id. Requests that were answered well say nothing
 * about rows: loss, doubling, invention, change and disorder are each looked for by id, and the sums must close.
 */
export function audit(ledger: Ledger, evidence: Evidence): Audit {
  const entries = [...ledger.entries.values()]
  const timesStored = countById(evidence.rows)
  const places = placesOf(evidence, timesStored)
  const of = (outcome: Outcome): LedgerEntry[] => entries.filter(entry => entry.outcome === outcome)
  const accepted = of('accepted')

  const counts: AuditCounts = {
    planned: ledger.planned,
    sent: entries.length - of('unsent').length,
    unsent: of('unsent').length,
    accepted: accepted.length,
    refused: of('refused').length,
    unanswered: of('unanswered').length,
    rows: evidence.rows.length,
    done: accepted.filter(({ id }) => timesStored.has(id)).length,
    doneUnanswered: of('unanswered').filter(({ id }) => timesStored.has(id)).length,
    ...elsewhereCounts(accepted, evidence),
  }
  const findings: Findings = {
    lost: accepted.filter(({ id }) => !places.has(id)).map(({ id }) => id),
    doubled: [...timesStored].filter(([, times]) => times > 1).map(([id, times]) => ({ id, times })),
    ghosts: [...places.keys()].filter(id => !mayExist(ledger.entries.get(id))),
    altered: alteredIds(ledger, evidence.rows),
    inversions: inversionsOf(ledger, evidence.rows),
    contradictions: [...places].filter(([, where]) => where.length > 1).map(([id, where]) => ({ id, where })),
    aggregates: (evidence.aggregates ?? []).flatMap(aggregate => differencesOf(ledger, places, aggregate)),
    unbalanced: [...ledger.problems, ...unbalancedSums(counts)],
  }
  return { counts, findings, clean: Object.values(findings).every(found => found.length === 0) }
}

/** What one consumer group left behind. */
export interface Evidence {
  /** In the order in which they were applied. A row that was applied twice stands here twice. */
  readonly rows: readonly StoredRow[]
  /** Ids that are accounted for without a row. */
  readonly dead?: readonly string[]
  readonly skipped?: readonly string[]
  readonly pending?: readonly string[]
  readonly expired?: readonly string[]
  readonly aggregates?: readonly Aggregate[]
}

export interface StoredRow {
  readonly id: string
  readonly hash: string
  readonly key: string | undefined
  /** Where the log had it, if the store kept that: order is then also compared with the log. */
  readonly at?: { readonly partition: number; readonly offset: bigint }
}

/** Sums that the store keeps, and what one event should have added to them. */
export interface Aggregate {
  readonly name: string
  readonly cells: ReadonlyMap<string, number>
  readonly model: (entry: LedgerEntry) => Iterable<readonly [cell: string, amount: number]>
}

export interface AuditCounts {
  readonly planned: number
  readonly sent: number
  readonly unsent: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  readonly rows: number
  /** Accepted events that have a row. */
  readonly done: number
  /** Events without an answer that were stored all the same, as they may be. */
  readonly doneUnanswered: number
  /** Accepted events in each of these places. */
  readonly dead: number
  readonly skipped: number
  readonly pending: number
  readonly expired: number
}

/** Each list is empty in a run that kept its promises. */
export interface Findings {
  /** Accepted, and nowhere. */
  readonly lost: readonly string[]
  readonly doubled: readonly { readonly id: string; readonly times: number }[]
  /** Stored, or kept as a letter, though never sent or refused for certain. */
  readonly ghosts: readonly string[]
  /** Stored with another payload or under another key than was sent. */
  readonly altered: readonly string[]
  readonly inversions: readonly Inversion[]
  /** In two places at once, such as done and dead. */
  readonly contradictions: readonly { readonly id: string; readonly where: readonly Place[] }[]
  readonly aggregates: readonly AggregateDifference[]
  /** Sums that do not close: the run proves nothing then. */
  readonly unbalanced: readonly string[]
}

/**
 * `late` was applied after `early` although it comes first: `log`, it has the lower offset; `time`, it was accepted
 * before the other was sent; `partition`, one key lies in two partitions, so nothing orders it.
 */
export interface Inversion {
  readonly key: string
  readonly early: string
  readonly late: string
  readonly by: 'log' | 'time' | 'partition'
}

export interface AggregateDifference {
  readonly name: string
  readonly cell: string
  readonly expected: number
  readonly actual: number
}

export interface Audit {
  readonly counts: AuditCounts
  readonly findings: Findings
  /** Nothing was found. */
  readonly clean: boolean
}

const elsewhere = ['dead', 'skipped', 'pending', 'expired'] as const
type Place = 'done' | (typeof elsewhere)[number]

function countById(rows: readonly StoredRow[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const { id } of rows) times.set(id, (times.get(id) ?? 0) + 1)
  return times
}

function placesOf(evidence: Evidence, stored: ReadonlyMap<string, number>): Map<string, readonly Place[]> {
  const places = new Map<string, readonly Place[]>()
  for (const id of stored.keys()) places.set(id, ['done'])
  for (const place of elsewhere) {
    for (const id of new Set(evidence[place])) places.set(id, [...(places.get(id) ?? []), place])
  }
  return places
}

function elsewhereCounts(
  accepted: readonly LedgerEntry[],
  evidence: Evidence,
): Record<(typeof elsewhere)[number], number> {
  const countIn = (ids: readonly string[] | undefined): number => {
    const there = new Set(ids)
    return accepted.filter(({ id }) => there.has(id)).length
  }
  return {
    dead: countIn(evidence.dead),
    skipped: countIn(evidence.skipped),
    pending: countIn(evidence.pending),
    expired: countIn(evidence.expired),
  }
}

/** Only what was accepted, or sent without a clear refusal, may leave a trace. */
function mayExist(entry: LedgerEntry | undefined): boolean {
  return entry?.outcome === 'accepted' || entry?.outcome === 'unanswered'
}

function alteredIds(ledger: Ledger, rows: readonly StoredRow[]): string[] {
  const altered = rows.filter(row => {
    const entry = ledger.entries.get(row.id)
    return entry !== undefined && (entry.hash !== row.hash || entry.key !== row.key)
  })
  return [...new Set(altered.map(({ id }) => id))]
}

/** One walk in applied order with the furthest event of each key so far; a row behind it is an inversion. */
function inversionsOf(ledger: Ledger, rows: readonly StoredRow[]): Inversion[] {
  const found: Inversion[] = []
  const furthest = new Map<string, { byLog: StoredRow; byTime: LedgerEntry | undefined }>()
  const seen = new Set<string>()
  for (const row of rows) {
    // A second row of an id is reported as doubled, not again as disorder.
    if (row.key === undefined || seen.has(row.id)) continue
    seen.add(row.id)
    const entry = ledger.entries.get(row.id)
    const before = furthest.get(row.key)
    if (!before) {
      furthest.set(row.key, { byLog: row, byTime: entry })
      continue
    }
    const inversion = inversionOf(row, entry, before)
    if (inversion) found.push(inversion)
    if (row.at && (!before.byLog.at || row.at.offset > before.byLog.at.offset)) before.byLog = row
    if (entry && (entry.sentAt ?? 0) > (before.byTime?.sentAt ?? 0)) before.byTime = entry
  }
  return found
}

function inversionOf(
  row: StoredRow,
  entry: LedgerEntry | undefined,
  { byLog, byTime }: { byLog: StoredRow; byTime: LedgerEntry | undefined },
): Inversion | undefined {
  const key = row.key ?? ''
  if (row.at && byLog.at) {
    if (row.at.partition !== byLog.at.partition) {
      return { key, early: byLog.id, late: row.id, by: 'partition' }
    }
    if (row.at.offset < byLog.at.offset) return { key, early: byLog.id, late: row.id, by: 'log' }
  }
  // Two that were under way at once have no order of their own; only the log gives them one.
  if (entry?.acceptedAt !== undefined && byTime?.sentAt !== undefined && entry.acceptedAt < byTime.sentAt) {
    return { key, early: byTime.id, late: row.id, by: 'time' }
  }
  return undefined
}

/** What the sums should be: each accepted event that is not accounted for elsewhere, and the unanswered ones with a row. */
function differencesOf(
  ledger: Ledger,
  places: ReadonlyMap<string, readonly Place[]>,
  { name, cells, model }: Aggregate,
): AggregateDifference[] {
  const expected = new Map<string, number>()
  for (const entry of ledger.entries.values()) {
    const where = places.get(entry.id)
    const counts = entry.outcome === 'accepted' ? !where || where.includes('done') : where?.includes('done')
    if (!counts || !mayExist(entry)) continue
    for (const [cell, amount] of model(entry)) expected.set(cell, (expected.get(cell) ?? 0) + amount)
  }
  return [...new Set([...expected.keys(), ...cells.keys()])]
    .map(cell => ({ name, cell, expected: expected.get(cell) ?? 0, actual: cells.get(cell) ?? 0 }))
    .filter(({ expected, actual }) => expected !== actual)
}

function unbalancedSums(counts: AuditCounts): string[] {
  const problems: string[] = []
  if (counts.planned !== counts.sent + counts.unsent) {
    problems.push(`planned ${counts.planned} is not sent ${counts.sent} + unsent ${counts.unsent}`)
  }
  if (counts.sent === 0) problems.push('nothing was sent, so nothing was proved')
  return problems
}
