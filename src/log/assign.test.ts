import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partitionId, type TopicPartition } from '../event/index.ts'
import { assign, type Candidate } from './assign.ts'

const partitionsOf = (topic: string, count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }))
const member = (id: string, ...topics: string[]): Candidate => ({ id, topics: new Set(topics) })

function counts(assignment: ReadonlyMap<string, string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const id of assignment.values()) counts[id] = (counts[id] ?? 0) + 1
  return counts
}

describe('assign', () => {
  it('balances over all topics together, not topic by topic', () => {
    const members = [member('a', 'x', 'y', 'z'), member('b', 'x', 'y', 'z')]
    const all = [...partitionsOf('x', 1), ...partitionsOf('y', 1), ...partitionsOf('z', 2)]
    expect(counts(assign(all, members, new Map()))).toEqual({ a: 2, b: 2 })
  })

  it('moves no more than a new member needs', () => {
    const all = partitionsOf('x', 6)
    const before = assign(all, [member('a', 'x'), member('b', 'x')], new Map())
    const after = assign(all, [member('a', 'x'), member('b', 'x'), member('c', 'x')], before)
    expect(counts(after)).toEqual({ a: 2, b: 2, c: 2 })
    expect([...after].filter(([id, owner]) => before.get(id) !== owner)).toHaveLength(2)
  })

  it('gives a partition only to members that read its topic', () => {
    const all = [...partitionsOf('x', 4), ...partitionsOf('y', 2)]
    const after = assign(all, [member('a', 'x'), member('b', 'x', 'y')], new Map())
    expect([...after].filter(([id]) => id.startsWith('y/')).map(([, owner]) => owner)).toEqual(['b', 'b'])
    expect(counts(after)).toEqual({ a: 3, b: 3 })
  })

  it('leaves out what nobody reads', () => {
    expect(assign(partitionsOf('x', 2), [member('a', 'y')], new Map()).size).toBe(0)
  })

  it('gives every partition one owner, within one of each other, the same whatever the order, and is at rest', () => {
    const scenario = fc.record({
      partitions: fc.integer({ min: 0, max: 40 }),
      members: fc.uniqueArray(fc.stringMatching(/^[a-h]$/), { minLength: 1, maxLength: 8 }),
      former: fc.array(fc.stringMatching(/^[a-h]$/), { maxLength: 40 }),
    })
    fc.assert(
      fc.property(scenario, ({ partitions, members, former }) => {
        const all = partitionsOf('x', partitions)
        const candidates = members.map(id => member(id, 'x'))
        const kept = new Map(former.slice(0, partitions).map((id, p) => [`x/${p}`, id]))
        const after = assign(all, candidates, kept)
        expect(new Set(after.keys())).toEqual(new Set(all.map(partitionId)))
        const loads = members.map(id => counts(after)[id] ?? 0)
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        expect(assign(all.toReversed(), candidates.toReversed(), kept)).toEqual(after)
        expect(assign(all, candidates, after)).toEqual(after)
        const share = Math.ceil(partitions / members.length)
        const couldStay = members
          .map(id => Math.min(share, [...kept].filter(([p, owner]) => after.has(p) && owner === id).length))
          .reduce((sum, n) => sum + n, 0)
        const stayed = [...after].filter(([p, owner]) => kept.get(p) === owner).length
        expect(stayed).toBeGreaterThanOrEqual(couldStay - members.length)
      }),
      { numRuns: 300 },
    )
  })
})
