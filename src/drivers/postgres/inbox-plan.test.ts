import { array, assert, constantFrom, integer, property, record as recordOf, subarray } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offset } from '../../event/index.ts'
import type { SinkRecord } from '../../sink/index.ts'
import { bucketOf, inboxId, planInbox, rowKey } from './inbox-plan.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const options = { retryWindowMs: HOUR_MS, pruned: new Set<number>() }

function sinkRecord(id: string, acceptedAt: number): SinkRecord {
  return { source: 's', id, acceptedAt, offset: offset(0), key: undefined }
}

/** Each record in a call of its own, on the inbox `rows`. */
function oneByOne(records: readonly SinkRecord[], rows: Set<string>): boolean[] {
  return records.map(record => {
    const [plan] = planInbox([record], options)
    if (plan?.kind !== 'own') return expect.fail()
    const fresh = plan.rows.every(row => !rows.has(rowKey(row)))
    for (const row of plan.rows) rows.add(rowKey(row))
    return fresh
  })
}

const arbitraryRecord = recordOf({
  id: constantFrom('a', 'b', 'c'),
  acceptedAt: integer({ min: 0, max: 4 * DAY_MS }),
}).map(({ id, acceptedAt }) => sinkRecord(id, acceptedAt))

describe('planInbox', () => {
  it('answers for a call as if its records came one after the other, on any inbox', () => {
    assert(
      property(array(arbitraryRecord, { maxLength: 12 }), array(arbitraryRecord), (records, before) => {
        const rows = new Set<string>()
        oneByOne(before, rows)
        const plans = planInbox(records, options)
        const asked = plans.flatMap(plan => (plan.kind === 'expired' ? [] : plan.rows.map(rowKey)))
        expect(new Set(asked).size, 'no row is asked for twice').toBe(asked.length)
        const inserted = new Set(asked.filter(key => !rows.has(key)))
        const fresh = plans.map(
          plan => plan.kind === 'own' && plan.rows.every(row => inserted.has(rowKey(row))),
        )
        expect(fresh).toEqual(oneByOne(records, rows))
        expect(asked.filter(key => !rows.has(key))).toEqual([])
      }),
    )
  })

  it('gives two accept times at most the window apart a row in common', () => {
    assert(
      property(integer({ min: 0, max: 3 * DAY_MS }), integer({ min: 0, max: HOUR_MS - 1 }), (at, apart) => {
        const [first, second] = [at, at + apart].map(
          acceptedAt => planInbox([sinkRecord('a', acceptedAt)], options)[0],
        )
        if (first?.kind !== 'own' || second?.kind !== 'own') return expect.fail()
        const keys = new Set(first.rows.map(rowKey))
        expect(second.rows.some(row => keys.has(rowKey(row)))).toBe(true)
      }),
    )
  })

  it('leaves pruned days out: a record of one is expired, one of the day after keeps its own row', () => {
    assert(
      property(subarray([0, 1, 2, 3]), arbitraryRecord, (pruned, record) => {
        const [plan] = planInbox([record], { ...options, pruned: new Set(pruned) })
        const bucket = bucketOf(record.acceptedAt)
        expect(plan?.kind === 'expired').toBe(pruned.includes(bucket))
        if (plan?.kind !== 'own') return
        expect(plan.rows.map(row => row.bucket)).toContain(bucket)
        expect(plan.rows.some(row => pruned.includes(row.bucket))).toBe(false)
      }),
    )
  })

  it('derives ids that other programs can derive as well', () => {
    // printf 's\na' | sha256sum | head -c 32
    expect(inboxId('s', 'a')).toBe('009fa556-751b-7e96-aae6-f5d05d2fe3df')
  })
})
