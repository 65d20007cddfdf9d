import { describe, expect, it } from 'vitest'
import { offset, systemClock, type Clock } from '../../../event/index.ts'
import type { Commit } from '../../../log/index.ts'
import { MemberCommits, type MemberCommitsOptions } from './member-commits.ts'

/** Pauses are over at once. */
const clock: Clock = { ...systemClock, after: (_, fn) => systemClock.after(0, fn) }
const at = (partition: number, position: number): Commit => ({
  topic: 't',
  partition,
  epoch: 1n,
  offset: offset(position),
})
const call = (generation: number): { memberId: string; generation: number; attempt: number; at: number } => ({
  memberId: 'm',
  generation,
  attempt: 0,
  at: 0,
})
const refusal = (id: string): Error => Object.assign(new Error(id), { apiId: id })

interface Sent {
  readonly generation: number
  readonly positions: readonly string[]
  readonly answer: PromiseWithResolvers<void>
}

/** A member of generation 1 that may commit everything, and a coordinator that answers when the test does. */
function member(given: Partial<MemberCommitsOptions> = {}) {
  const sent: Sent[] = []
  const refused: string[] = []
  const waiting: ((sent: Sent) => void)[] = []
  const commits = new MemberCommits({
    group: 'g',
    clock,
    may: () => call(1),
    send: ({ generation }, commits) => {
      const positions = commits.map(one => `${one.partition}@${one.offset}`)
      const one = { generation, positions, answer: Promise.withResolvers<void>() }
      sent.push(one)
      waiting.shift()?.(one)
      return one.answer.promise
    },
    stored: () => [],
    refused: (_, refusal) => refused.push(refusal),
    ...given,
  })
  /** The next request that is not answered yet. */
  let seen = 0
  const next = (): Promise<Sent> => {
    const one = sent[seen++]
    return one ? Promise.resolve(one) : new Promise(resolve => waiting.push(resolve))
  }
  return { commits, sent, refused, next }
}

describe('positions of a member', () => {
  it('hazard 38: go one request after another, in each one position of a partition, so that none moves back', async () => {
    const { commits, sent, next } = member()
    const all = [at(0, 1), at(0, 2), at(1, 7)].map(one => commits.store(one))
    const first = await next()
    expect(first.positions).toEqual(['0@1', '1@7'])
    const later = commits.store(at(0, 3))
    await Promise.resolve()
    expect(sent).toHaveLength(1)
    first.answer.resolve()
    const second = await next()
    expect(second.positions).toEqual(['0@2'])
    second.answer.resolve()
    const third = await next()
    expect(third.positions).toEqual(['0@3'])
    third.answer.resolve()
    expect(await Promise.all([...all, later])).toEqual([true, true, true, true])
  })

  it('hazard 37: that met a round are stored in the next generation, where the partition is held still, and are stale where not', async () => {
    let generation: number | 'later' = 1
    const gone = new Set<number>()
    const { commits, next, refused } = member({
      may: ({ partition }) =>
        gone.has(partition) ? 'never' : generation === 'later' ? 'later' : call(generation),
    })
    const kept = commits.store(at(0, 1))
    const lost = commits.store(at(1, 1))
    const first = await next()
    generation = 'later'
    first.answer.reject(refusal('REBALANCE_IN_PROGRESS'))
    const again = next()
    await new Promise(resolve => systemClock.after(5, () => resolve(undefined)))
    expect(refused).toEqual(['rebalance'])
    generation = 2
    gone.add(1)
    commits.changed()
    const second = await again
    expect(second).toMatchObject({ generation: 2, positions: ['0@1'] })
    second.answer.resolve()
    expect(await Promise.all([kept, lost])).toEqual([true, false])
  })

  it('of a member that was shut out are stale, however often they were asked for', async () => {
    let isOut = false
    const { commits, sent, next } = member({ may: () => (isOut ? 'never' : call(1)) })
    const both = [commits.store(at(0, 1)), commits.store(at(0, 2))]
    const first = await next()
    isOut = true
    first.answer.reject(refusal('UNKNOWN_MEMBER_ID'))
    expect(await Promise.all(both)).toEqual([false, false])
    expect(sent).toHaveLength(1)
  })

  it('are stored that the coordinator took though it refused others beside them', async () => {
    const { commits, next } = member({ stored: (_, all) => all.filter(({ partition }) => partition === 0) })
    const stored = commits.store(at(0, 1))
    const denied = commits.store(at(1, 1))
    const first = await next()
    first.answer.reject(refusal('TOPIC_AUTHORIZATION_FAILED'))
    expect(await stored).toBe(true)
    await expect(denied).rejects.toMatchObject({ code: 'LOG_DENIED' })
    const later = commits.store(at(0, 2))
    const second = await next()
    second.answer.resolve()
    expect(await later).toBe(true)
  })
})
