import { array, assert, asyncProperty, boolean, constantFrom, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bisect, type Tried } from './bisect.ts'

/** What one after the other would give: a bad one fails, and the later ones of its lane are held. */
function oneByOne(
  count: number,
  laneOf: (i: number) => string | undefined,
  bad: ReadonlySet<number>,
): string[] {
  const blocked = new Set<string>()
  return Array.from({ length: count }, (_, i) => {
    const lane = laneOf(i)
    if (lane !== undefined && blocked.has(lane)) return 'held'
    if (!bad.has(i)) return 'done'
    if (lane !== undefined) blocked.add(lane)
    return 'failed'
  })
}

describe('bisect', () => {
  it('hazard 63: answers as if the records were done one after the other, whatever is bad', async () => {
    await assert(
      asyncProperty(
        array(record({ lane: constantFrom(undefined, 'a', 'b', 'c'), bad: boolean() }), {
          maxLength: 60,
        }),
        boolean(),
        async (rows, marks) => {
          const bad = new Set(rows.flatMap((row, i) => (row.bad ? [i] : [])))
          const laneOf = (i: number): string | undefined => rows[i]?.lane
          const done = new Set<number>()
          const tryAll = async (records: readonly number[]): Promise<Tried> => {
            const found = records.filter(i => bad.has(i))
            if (found.length > 0 && marks)
              return { kind: 'marked', bad: new Map(found.map(i => [i, `bad ${i}`])) }
            if (found.length > 0) return { kind: 'failed', error: `bad ${found[0]}` }
            for (const i of records) {
              expect(done.has(i)).toBe(false)
              done.add(i)
            }
            return { kind: 'done' }
          }
          const found = await bisect([...rows.keys()], laneOf, tryAll)
          const expected = oneByOne(rows.length, laneOf, bad)
          expect([...rows.keys()].map(i => found.get(i)?.kind)).toEqual(expected)
          expect([...done].toSorted((a, b) => a - b)).toEqual(
            expected.flatMap((outcome, i) => (outcome === 'done' ? [i] : [])),
          )
          for (const [i, outcome] of found) {
            if (outcome.kind === 'failed') expect(outcome.error).toBe(`bad ${i}`)
          }
        },
      ),
    )
  })

  it('finds one bad record among 5,000 in at most 30 tries', async () => {
    let tries = 0
    const all = Array.from({ length: 5_000 }, (_, i) => i)
    await bisect(
      all,
      () => undefined,
      async records => {
        tries++
        return records.includes(3_333) ? { kind: 'failed', error: 'bad' } : { kind: 'done' }
      },
    )
    expect(tries).toBeLessThanOrEqual(30)
  })
})
