import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  audit,
  auditReport,
  ledgerOf,
  parseLedger,
  type Evidence,
  type LedgerLine,
  type StoredRow,
} from './index.ts'

/** `n` events over `keys` keys, each accepted before the next is sent, with the rows and sums of a perfect store. */
function perfectRun(n: number, keys: number): { lines: LedgerLine[]; rows: StoredRow[] } {
  const lines: LedgerLine[] = [{ line: 'run', planned: n }]
  const rows: StoredRow[] = []
  for (let i = 0; i < n; i++) {
    const [id, key, hash] = [`e${i}`, `k${i % keys}`, `h${i}`]
    lines.push({ line: 'sent', id, key, hash, at: 10 * i })
    lines.push({ line: 'answer', id, outcome: 'accepted', at: 10 * i + 5 })
    rows.push({ id, key, hash, at: { partition: i % keys, offset: BigInt(i) } })
  }
  return { lines, rows }
}

const countPerKey = (rows: readonly StoredRow[]): Map<string, number> => {
  const cells = new Map<string, number>()
  for (const { key = '' } of rows) cells.set(key, (cells.get(key) ?? 0) + 1)
  return cells
}

const perKey = (cells: ReadonlyMap<string, number>): NonNullable<Evidence['aggregates']> => [
  { name: 'count', cells, model: ({ key = '' }) => [[key, 1]] },
]

const attempts = (...outcomes: ('accepted' | 'refused' | 'unanswered' | undefined)[]): LedgerLine[] => [
  { line: 'run', planned: 1 },
  ...outcomes.flatMap((outcome, i): LedgerLine[] => [
    { line: 'sent', id: 'a', key: 'k', hash: 'h', at: i },
    ...(outcome ? [{ line: 'answer', id: 'a', outcome, at: i + 0.5 } as const] : []),
  ]),
]
const outcomeOf = (lines: LedgerLine[]): string | undefined => ledgerOf(lines).entries.get('a')?.outcome

const nothing = {
  lost: [],
  doubled: [],
  ghosts: [],
  altered: [],
  inversions: [],
  contradictions: [],
  aggregates: [],
  unbalanced: [],
}

describe('the audit', () => {
  test('finds nothing in a perfect run', () => {
    const { lines, rows } = perfectRun(20, 3)
    const result = audit(ledgerOf(lines), { rows, aggregates: perKey(countPerKey(rows)) })
    expect(result.findings).toEqual(nothing)
    expect(result.clean).toBe(true)
    expect(result.counts).toMatchObject({ planned: 20, sent: 20, accepted: 20, rows: 20, done: 20 })
  })

  test('finds an accepted event that is nowhere', () => {
    const { lines, rows } = perfectRun(20, 3)
    expect(audit(ledgerOf(lines), { rows: rows.toSpliced(7, 1) }).findings).toEqual({
      ...nothing,
      lost: ['e7'],
    })
  })

  test('finds an event that was applied twice', () => {
    const { lines, rows } = perfectRun(20, 3)
    const doubled = [...rows, rows[4] as StoredRow]
    expect(audit(ledgerOf(lines), { rows: doubled }).findings).toEqual({
      ...nothing,
      doubled: [{ id: 'e4', times: 2 }],
    })
  })

  test('finds two events of a key that changed places, by the log and by time', () => {
    const { lines, rows } = perfectRun(20, 3)
    const swapped = rows.with(3, rows[6] as StoredRow).with(6, rows[3] as StoredRow)
    expect(audit(ledgerOf(lines), { rows: swapped }).findings).toEqual({
      ...nothing,
      inversions: [{ key: 'k0', early: 'e6', late: 'e3', by: 'log' }],
    })
    const withoutPlaces = swapped.map(({ id, key, hash }) => ({ id, key, hash }))
    expect(audit(ledgerOf(lines), { rows: withoutPlaces }).findings.inversions).toEqual([
      { key: 'k0', early: 'e6', late: 'e3', by: 'time' },
    ])
  })

  test('asks no order of two events that were under way at once, and none across keys', () => {
    const lines: LedgerLine[] = [
      { line: 'run', planned: 3 },
      { line: 'sent', id: 'a', key: 'k', hash: 'h', at: 0 },
      { line: 'sent', id: 'b', key: 'k', hash: 'h', at: 1 },
      { line: 'answer', id: 'a', outcome: 'accepted', at: 5 },
      { line: 'answer', id: 'b', outcome: 'accepted', at: 5 },
      { line: 'sent', id: 'c', key: 'other', hash: 'h', at: 9 },
      { line: 'answer', id: 'c', outcome: 'accepted', at: 10 },
    ]
    const [a, b, c] = [
      { id: 'a', key: 'k', hash: 'h' },
      { id: 'b', key: 'k', hash: 'h' },
      { id: 'c', key: 'other', hash: 'h' },
    ]
    expect(audit(ledgerOf(lines), { rows: [c, b, a] }).findings).toEqual(nothing)
  })

  test('finds a key that lies in two partitions', () => {
    const { lines, rows } = perfectRun(20, 3)
    const moved = rows.with(3, { ...(rows[3] as StoredRow), at: { partition: 2, offset: 3n } })
    expect(audit(ledgerOf(lines), { rows: moved }).findings.inversions[0]).toEqual({
      key: 'k0',
      early: 'e0',
      late: 'e3',
      by: 'partition',
    })
  })

  test('finds a stored event that nobody sent, and one that was refused for certain', () => {
    const { lines, rows } = perfectRun(20, 3)
    lines[0] = { line: 'run', planned: 22 }
    lines.push({ line: 'sent', id: 'no', key: 'k0', hash: 'h', at: 900 })
    lines.push({ line: 'answer', id: 'no', outcome: 'refused', at: 901 })
    lines.push({ line: 'unsent', id: 'never', key: 'k0', hash: 'h' })
    const ghosts = ['no', 'never', 'invented'].map(id => ({ id, key: 'k0', hash: 'h' }))
    expect(audit(ledgerOf(lines), { rows: [...rows, ...ghosts] }).findings).toEqual({
      ...nothing,
      ghosts: ['no', 'never', 'invented'],
    })
  })

  test('lets an unanswered event be stored or not', () => {
    const lines: LedgerLine[] = [
      { line: 'run', planned: 2 },
      { line: 'sent', id: 'cut', key: 'k', hash: 'h', at: 0 },
      { line: 'sent', id: 'unclear', key: 'k', hash: 'h', at: 0 },
      { line: 'answer', id: 'unclear', outcome: 'unanswered', at: 3 },
    ]
    const one = { id: 'cut', key: 'k', hash: 'h' }
    const result = audit(ledgerOf(lines), { rows: [one], aggregates: perKey(new Map([['k', 1]])) })
    expect(result.findings).toEqual(nothing)
    expect(result.counts).toMatchObject({ unanswered: 2, doneUnanswered: 1, accepted: 0 })
  })

  test('finds a changed byte and a changed key', () => {
    const { lines, rows } = perfectRun(20, 3)
    const changed = rows
      .with(5, { ...(rows[5] as StoredRow), hash: 'h5x' })
      .with(19, { ...(rows[19] as StoredRow), key: 'k9' })
    expect(audit(ledgerOf(lines), { rows: changed }).findings).toEqual({ ...nothing, altered: ['e5', 'e19'] })
  })

  test('finds a sum that differs from the model', () => {
    const { lines, rows } = perfectRun(20, 3)
    const cells = countPerKey(rows).set('k1', 8).set('k7', 1)
    expect(audit(ledgerOf(lines), { rows, aggregates: perKey(cells) }).findings).toEqual({
      ...nothing,
      aggregates: [
        { name: 'count', cell: 'k1', expected: 7, actual: 8 },
        { name: 'count', cell: 'k7', expected: 0, actual: 1 },
      ],
    })
  })

  test('accounts for letters, skipped, pending and expired events, and finds one that is in two places', () => {
    const { lines, rows } = perfectRun(20, 3)
    const places = { dead: ['e0'], skipped: ['e1'], pending: ['e2'], expired: ['e3'] }
    const rest = rows.slice(4)
    const result = audit(ledgerOf(lines), { rows: rest, ...places, aggregates: perKey(countPerKey(rest)) })
    expect(result.findings).toEqual(nothing)
    expect(result.counts).toMatchObject({
      accepted: 20,
      done: 16,
      dead: 1,
      skipped: 1,
      pending: 1,
      expired: 1,
    })
    expect(audit(ledgerOf(lines), { rows, dead: ['e0'] }).findings).toEqual({
      ...nothing,
      contradictions: [{ id: 'e0', where: ['done', 'dead'] }],
    })
  })

  test('finds sums that do not close: an event that vanished from the ledger, and a run that sent nothing', () => {
    const { lines, rows } = perfectRun(20, 3)
    lines[0] = { line: 'run', planned: 21 }
    expect(audit(ledgerOf(lines), { rows }).findings.unbalanced).toEqual([
      'planned 21 is not sent 20 + unsent 0',
    ])
    expect(audit(ledgerOf([{ line: 'run', planned: 0 }]), { rows: [] }).findings.unbalanced).toEqual([
      'nothing was sent, so nothing was proved',
    ])
  })

  test('finds each planted fault and nothing else, in any run', () => {
    const faults = fc.uniqueArray(
      fc.record({ at: fc.nat(199), fault: fc.constantFrom('loss', 'double', 'byte') }),
      {
        selector: ({ at }) => at,
        maxLength: 12,
      },
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 9 }),
        faults,
        (n, keys, planted) => {
          const { lines, rows } = perfectRun(n, keys)
          const at = new Map(planted.filter(({ at }) => at < n).map(({ at, fault }) => [`e${at}`, fault]))
          const ids = (fault: string): string[] => [...at].filter(([, f]) => f === fault).map(([id]) => id)
          const stored = rows.flatMap(row => {
            switch (at.get(row.id)) {
              case 'loss':
                return []
              case 'double':
                return [row, row]
              case 'byte':
                return [{ ...row, hash: `${row.hash}!` }]
              default:
                return [row]
            }
          })
          // Lost and doubled rows show in the sums as well: each cell differs by what was planted in it.
          const byKey = new Map<string, number>()
          for (const [id, fault] of at) {
            const key = `k${Number(id.slice(1)) % keys}`
            const change = { loss: -1, double: 1, byte: 0 }[fault]
            byKey.set(key, (byKey.get(key) ?? 0) + change)
          }
          const { findings } = audit(ledgerOf(lines), {
            rows: stored,
            aggregates: perKey(countPerKey(stored)),
          })
          expect(findings.lost.toSorted()).toEqual(ids('loss').toSorted())
          expect(findings.doubled.map(({ id }) => id).toSorted()).toEqual(ids('double').toSorted())
          expect(findings.altered.toSorted()).toEqual(ids('byte').toSorted())
          expect(new Map(findings.aggregates.map(a => [a.cell, a.actual - a.expected]))).toEqual(
            new Map([...byKey].filter(([, change]) => change !== 0)),
          )
          expect(
            [findings.ghosts, findings.inversions, findings.contradictions, findings.unbalanced].flat(),
          ).toEqual([])
        },
      ),
    )
  })

  test('finds every pair of one key that changed places, wherever it is planted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        (n, keys, seed) => {
          fc.pre(n > keys)
          const { lines, rows } = perfectRun(n, keys)
          const first = seed % (n - keys)
          const later = first + keys
          const swapped = rows.with(first, rows[later] as StoredRow).with(later, rows[first] as StoredRow)
          expect(audit(ledgerOf(lines), { rows: swapped }).findings).toEqual({
            ...nothing,
            inversions: [{ key: `k${first % keys}`, early: `e${later}`, late: `e${first}`, by: 'log' }],
          })
        },
      ),
    )
  })
})

describe('the ledger', () => {
  test('reads its file and leaves out a last line that was torn', () => {
    const { lines } = perfectRun(3, 1)
    const text = lines.map(line => `${JSON.stringify(line)}\n`).join('')
    expect(parseLedger(`${text}{"line":"sent","id":"e9"`)).toEqual(ledgerOf(lines))
  })

  test('takes an accepted attempt as a promise and several refusals as one', () => {
    expect(outcomeOf(attempts('refused', 'accepted'))).toBe('accepted')
    expect(outcomeOf(attempts('refused', 'refused'))).toBe('refused')
    expect(outcomeOf(attempts('refused', undefined))).toBe('unanswered')
    expect(outcomeOf(attempts('unanswered', 'refused'))).toBe('unanswered')
  })

  test('says where it contradicts itself', () => {
    expect(
      ledgerOf([
        { line: 'answer', id: 'a', outcome: 'accepted', at: 0 },
        { line: 'unsent', id: 'b', hash: 'h' },
        { line: 'sent', id: 'b', hash: 'h', at: 1 },
      ]).problems,
    ).toEqual([
      'a was answered more often than it was sent',
      'b was sent, and is unsent',
      'the ledger has no header',
    ])
  })
})

test('the report is a table that a person understands', () => {
  const { lines, rows } = perfectRun(1_200, 3)
  const result = audit(ledgerOf(lines), { rows: rows.slice(7), dead: ['e0'] })
  expect(auditReport('PostgreSQL killed for 20 s', result)).toBe(
    `Audit: PostgreSQL killed for 20 s
  planned      1,200  = sent 1,200 + unsent 0
  sent         1,200  = accepted 1,200 + refused 0 + unanswered 0
  accepted     1,200  = done 1,193 + skipped 0 + dead 1 + pending 0 + expired 0 + lost 6
  rows         1,193  of which 0 events were never answered
  lost                   6  accepted, and nowhere
      e1
      e2
      e3
      e4
      e5
      and 1 more
  doubled                0  applied more than once
  ghosts                 0  stored, though never sent or refused
  altered                0  stored with another payload or key
  inversions             0  applied out of order within their key
  contradictions         0  in two places at once
  aggregates             0  sums that differ from the model
  unbalanced             0  sums that do not close
  NOT CLEAN`,
  )
})
