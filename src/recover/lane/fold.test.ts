import { describe, expect, it } from 'vitest'
import { offset } from '../../event/index.ts'
import { Fold } from './fold.ts'
import type { LaneRecord } from './lane-record.ts'
import { neverRan } from './key-queue.ts'
import { noteWithout, type Tenure } from './tenure.ts'

const A: Tenure = { id: 'A', fence: offset(0), main: offset(0), released: false }
const B: Tenure = { id: 'B', fence: offset(4), main: offset(10), released: false }

/** Two tenures, A from 0 and B from 4 on; the reader delivers from 20 on. */
function folded(...records: readonly (LaneRecord | undefined)[]): ReturnType<Fold['end']> {
  const fold = new Fold([A, B])
  for (const [i, record] of records.entries()) if (record) fold.add({ ...record, position: offset(i) })
  return fold.end(offset(20))
}

let seq = 1
const about = (
  tenure: Tenure,
  origin: number,
  round: number,
): { tenure: string; seq: number; generation: number; origin: ReturnType<typeof offset>; round: number } => ({
  tenure: tenure.id,
  seq: seq++,
  generation: 0,
  origin: offset(origin),
  round,
})
const event = { key: 'a', headers: {}, value: null, time: 0 }
const park = (tenure: Tenure, origin: number, round = 0): LaneRecord => ({
  kind: 'park',
  ...about(tenure, origin, round),
  state: neverRan,
  event,
})
const start = (tenure: Tenure, origin: number): LaneRecord => ({ kind: 'start', ...about(tenure, origin, 0) })
const closed = (tenure: Tenure, origin: number, round = 0): LaneRecord => ({
  kind: 'closed',
  ...about(tenure, origin, round),
  how: 'resolved',
})
const attempt = (tenure: Tenure, origin: number): LaneRecord => ({
  kind: 'attempt',
  ...about(tenure, origin, 0),
  attempts: 1,
  dueAt: 7,
  final: undefined,
  failure: undefined,
})
const origins = (...records: readonly (LaneRecord | undefined)[]): readonly string[] =>
  folded(...records).entries.map(entry => `${entry.origin}.${entry.round}`)
const deaths = (...records: readonly (LaneRecord | undefined)[]): number | undefined =>
  folded(...records).entries[0]?.state.deaths

describe('the fold of a lane', () => {
  it('gives what is parked and not closed, with its latest state', () => {
    const { entries } = folded(undefined, park(A, 1), park(A, 2), closed(A, 1), undefined, attempt(B, 2))
    expect(entries).toMatchObject([{ origin: 2n, position: 2n, state: { attempts: 1, dueAt: 7 } }])
  })

  it('leaves out what a former owner sent late, and what a newer one sent who never was accepted', () => {
    expect(origins(undefined, park(A, 1), undefined, undefined, undefined, closed(A, 1), park(A, 2))).toEqual(
      ['1.0'],
    )
    expect(origins(undefined, park(B, 1))).toEqual([])
  })

  it('voids the parks of events that a later takeover delivered again', () => {
    expect(
      origins(undefined, park(A, 9), park(A, 10), undefined, undefined, park(B, 11), park(B, 20)),
    ).toEqual(['9.0', '11.0'])
  })

  it('voids no replay: its event stands far below', () => {
    expect(origins(undefined, park(A, 15, 1))).toEqual(['15.1'])
  })

  it('lets a higher round take the place of a lower one, of which marks say nothing about it', () => {
    expect(origins(undefined, park(A, 1), park(A, 1, 1), closed(A, 1))).toEqual(['1.1'])
  })

  it('counts a start without an end as a death, and a start that was stored twice once', () => {
    const [parked, once] = [park(A, 1), start(A, 1)]
    expect(deaths(undefined, parked, once, once)).toBe(1)
    expect(deaths(undefined, park(A, 1), start(A, 1), undefined, undefined, start(B, 1))).toBe(2)
    expect(deaths(undefined, park(A, 1), start(A, 1), attempt(A, 1))).toBe(0)
  })

  it('counts no death for an owner that let go by itself', () => {
    const fold = new Fold([{ ...A, released: true }])
    fold.add({ ...park(A, 1), position: offset(1) })
    fold.add({ ...start(A, 1), position: offset(2) })
    expect(fold.end(offset(20)).entries[0]?.state.deaths).toBe(0)
  })

  it('counts every record of a stretch of which nobody knows whose it was', () => {
    const { tenures } = noteWithout(offset(0), offset(20))
    const fold = new Fold([...tenures, B])
    const records = [park(A, 1), park(B, 2), start(A, 2), closed(A, 1), undefined, park(A, 3), park(B, 4)]
    for (const [i, record] of records.entries()) if (record) fold.add({ ...record, position: offset(i) })
    const { entries } = fold.end(offset(20))
    expect(entries.map(({ origin, state }) => [origin, state.deaths])).toEqual([
      [2n, 0],
      [4n, 0],
    ])
  })

  it('gives the requests without an answer, in lane order', () => {
    const request = (id: string): LaneRecord => ({
      kind: 'request',
      id,
      action: 'replay',
      generation: 0,
      origin: offset(1),
      letterVersion: 1,
      by: 'me',
      reason: 'test',
    })
    const answer = (id: string, tenure: Tenure): LaneRecord => ({
      kind: 'answer',
      tenure: tenure.id,
      seq: seq++,
      id,
      refused: undefined,
    })
    const { requests } = folded(
      request('a'),
      request('b'),
      request('a'),
      answer('b', A),
      request('c'),
      answer('a', A),
    )
    expect(requests.map(one => `${one.id}@${one.position}`)).toEqual(['a@0', 'a@2', 'c@4'])
  })
})
