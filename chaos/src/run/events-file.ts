import { appendFileSync } from 'node:fs'
import type { Audit, Evidence, Ledger } from 'holdfast/testing'
import type { LoadTally } from '../load/tally.ts'

const BATCH = 2_000

/** Appends one line for each planned event of an arm: what its sender was told, and where it ended. */
export function appendEvents(
  file: string,
  arm: string,
  { tally, ledger, run }: { readonly tally: LoadTally; readonly ledger: Ledger; readonly run: string },
  evidence: Evidence | undefined,
  audit: Audit | undefined,
): void {
  const where = placesOf(evidence, audit)
  let lines: string[] = []
  const flush = (): void => {
    if (lines.length > 0) appendFileSync(file, `${lines.join('\n')}\n`)
    lines = []
  }
  for (const { n, dueAt, outcome, ms, attempts } of tally.events()) {
    const id = `${run}-${n}`
    lines.push(
      JSON.stringify({
        arm,
        id,
        key: ledger.entries.get(id)?.key,
        due: Math.round(dueAt) / 1000,
        outcome,
        ms: Math.round(ms * 10) / 10,
        attempts,
        ended: where.get(id) ?? [],
      }),
    )
    if (lines.length >= BATCH) flush()
  }
  flush()
}

/** Where each event is, such as `['stored']`, `['lost']` or `['stored', 'doubled']`. */
function placesOf(evidence: Evidence | undefined, audit: Audit | undefined): ReadonlyMap<string, string[]> {
  const places = new Map<string, string[]>()
  const put = (place: string, ids: Iterable<string>): void => {
    for (const id of new Set(ids)) places.set(id, [...(places.get(id) ?? []), place])
  }
  if (!evidence || !audit) return places
  const { findings } = audit
  put(
    'stored',
    evidence.rows.map(({ id }) => id),
  )
  put('dead', evidence.dead ?? [])
  put('skipped', evidence.skipped ?? [])
  put('pending', evidence.pending ?? [])
  put('expired', evidence.expired ?? [])
  put('lost', findings.lost)
  put(
    'doubled',
    findings.doubled.map(({ id }) => id),
  )
  put('ghost', findings.ghosts)
  put('altered', findings.altered)
  put(
    'late',
    findings.inversions.map(({ late }) => late),
  )
  return places
}
