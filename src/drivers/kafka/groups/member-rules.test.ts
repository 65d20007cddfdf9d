import { describe, expect, it } from 'vitest'
import { partitionId, seededRandom } from '../../../event/index.ts'
import type { Call, Effect, Input } from './member-io.ts'
import { MemberState } from './member-state.ts'
import type { Refusal } from './refusal.ts'
import type { Holding } from './shares.ts'

const SESSION = 3_000
const REBALANCE = 6_000
const BASE = 1_000n
const held = (partition: number, epoch = BASE + 1n): Holding => ({
  topic: 't',
  partition,
  epoch,
  release: false,
})

/** A machine with the requests that it has sent and not had answered, at a time that the test sets. */
class Machine {
  now = 0
  readonly state: MemberState
  effects: Effect[] = []

  constructor({ isStatic = false } = {}) {
    this.state = new MemberState({
      name: 'm',
      topics: ['t'],
      isStatic,
      beatMs: 300,
      sessionMs: SESSION,
      rebalanceTimeoutMs: REBALANCE,
      revokeTimeoutMs: 2_000,
      random: seededRandom(1),
    })
    this.tell({ kind: 'time' })
  }

  tell(input: Input): void {
    this.effects.push(...this.state.handle(input, this.now))
  }

  /** The call of the last request of this kind. */
  call(kind: 'join' | 'sync' | 'beat'): Call {
    const found = this.effects.findLast(effect => effect.kind === kind)
    if (!found || !('call' in found)) throw new Error(`no ${kind} was sent`)
    return found.call
  }

  count(kind: Effect['kind']): number {
    return this.effects.filter(effect => effect.kind === kind).length
  }

  joined(generation: number): void {
    this.tell({
      kind: 'joined',
      call: this.call('join'),
      memberId: 'm-1',
      generation,
      leads: false,
      members: undefined,
    })
  }

  synced(...holds: Holding[]): void {
    this.tell({
      kind: 'synced',
      call: this.call('sync'),
      share: { base: BASE, holds, partitions: new Map() },
    })
  }

  refused(of: 'join' | 'sync' | 'beat', refusal: Refusal): void {
    this.tell({ kind: 'refused', of, call: this.call(of), refusal })
  }

  /** Time passes, with a beat in it that is answered so. */
  beat(answer: Refusal | 'accepted', ms = 300): void {
    this.now += ms
    this.tell({ kind: 'time' })
    if (answer === 'accepted') this.tell({ kind: 'accepted', call: this.call('beat') })
    else this.refused('beat', answer)
  }

  get lost(): string[] {
    return this.effects.flatMap(effect => (effect.kind === 'lost' ? effect.partitions.map(partitionId) : []))
  }
}

/** One that holds t/0 in generation 1. */
function owner(options?: { readonly isStatic: boolean }): Machine {
  const machine = new Machine(options)
  machine.joined(1)
  machine.synced(held(0))
  expect(machine.count('assigned')).toBe(1)
  return machine
}

describe('the machine of a member', () => {
  it('keeps what it holds through a round, and may commit it as its next generation once that is known', () => {
    const m = owner()
    m.beat('rebalance')
    expect(m.state.mayCommit(held(0), m.now)).toMatchObject({ generation: 1 })
    m.joined(2)
    expect(m.state.mayCommit(held(0), m.now)).toBe('later')
    m.synced(held(0))
    expect(m.state.mayCommit(held(0), m.now)).toMatchObject({ generation: 2 })
    expect(m.lost).toEqual([])
    expect(m.count('assigned')).toBe(1)
  })

  it('hazard 35: is shut out by a refusal for an old generation while it takes no part in a round', () => {
    const m = owner()
    m.beat('old-generation')
    expect(m.lost).toEqual(['t/0'])
    expect(m.state.mayCommit(held(0), m.now)).toBe('never')
  })

  it('takes one refusal for an old generation for a join that was counted, and a second for an answer that was lost', () => {
    const m = owner()
    m.beat('rebalance')
    const joins = m.count('join')
    m.beat('old-generation')
    expect(m.count('join')).toBe(joins)
    m.beat('old-generation')
    expect(m.count('join')).toBe(joins + 1)
    expect(m.lost).toEqual([])
  })

  it('joins again when the group goes on while it waits for its share', () => {
    const m = owner()
    m.beat('rebalance')
    m.joined(2)
    const joins = m.count('join')
    m.beat('rebalance')
    expect(m.count('join')).toBe(joins + 1)
    expect(m.lost).toEqual([])
  })

  it('drops everything when a round lasts so long that it may have been put out, though beats are answered', () => {
    const m = owner()
    m.beat('accepted')
    const steady = m.now - 300
    while (m.now < steady + REBALANCE) m.beat('rebalance')
    expect(m.lost).toEqual([])
    m.beat('rebalance')
    m.beat('rebalance')
    expect(m.lost).toEqual(['t/0'])
  })

  it('drops everything a session after the last request that was answered, by its own clock', () => {
    const m = owner()
    m.beat('accepted')
    const sent = m.now
    m.now = sent + SESSION
    expect(m.state.mayCommit(held(0), m.now)).not.toBe('never')
    m.now += 1
    expect(m.state.mayCommit(held(0), m.now)).toBe('never')
    m.tell({ kind: 'grown' }) // whatever comes first
    expect(m.lost).toEqual(['t/0'])
  })

  it('drops everything when a static member has missed a round: what it held may have had another owner since', () => {
    const missed = owner({ isStatic: true })
    missed.beat('rebalance')
    missed.joined(3)
    expect(missed.lost).toEqual(['t/0'])
    const next = owner({ isStatic: true })
    next.beat('rebalance')
    next.joined(2)
    next.synced(held(0))
    expect(next.lost).toEqual([])
  })

  it('takes nothing back that it gave back while it joined: it joins again without it', () => {
    const m = owner()
    m.beat('rebalance')
    m.joined(2)
    m.synced({ ...held(0), release: true })
    m.beat('rebalance')
    m.tell({ kind: 'drained', owned: held(0) })
    m.joined(3)
    m.synced(held(0)) // whoever shares out saw only what it said when it joined
    expect(m.count('assigned')).toBe(1)
    expect(m.state.holds).toEqual([])
    expect(m.effects.findLast(effect => effect.kind === 'join')).toMatchObject({
      subscription: { holds: [] },
    })
  })

  it('is handed nothing by an answer that is older than a session', () => {
    const m = new Machine()
    m.joined(1)
    m.now += SESSION + 1
    m.synced(held(0))
    expect(m.count('assigned')).toBe(0)
    expect(m.state.holds).toEqual([])
  })

  it('gives up for good when another process has its instance id, and never answers that by joining', () => {
    const m = owner({ isStatic: true })
    m.beat('fenced')
    expect(m.lost).toEqual(['t/0'])
    const said = m.effects.length
    m.now += SESSION
    m.tell({ kind: 'time' })
    expect(m.effects).toHaveLength(said)
    expect(m.effects.at(-1)).toEqual({ kind: 'shut-out' })
  })

  it('is not touched by what was sent under a former id', () => {
    const m = owner()
    m.now += 300
    m.tell({ kind: 'time' })
    const former = m.call('beat')
    m.beat('unknown-member')
    m.now += 10_000
    m.tell({ kind: 'time' })
    m.joined(5)
    m.synced(held(1, BASE + 5n))
    m.tell({ kind: 'refused', of: 'commit', call: former, refusal: 'fenced' })
    expect(m.state.holds).toHaveLength(1)
  })

  it('says in one round what it drained within a beat of another', () => {
    const m = new Machine()
    m.joined(1)
    m.synced(held(0), held(1), held(2))
    m.beat('rebalance')
    m.joined(2)
    m.synced({ ...held(0), release: true }, { ...held(1), release: true }, held(2))
    expect(m.count('revoking')).toBe(2)
    const joins = m.count('join')
    m.tell({ kind: 'drained', owned: held(0) })
    expect(m.count('join')).toBe(joins)
    m.tell({ kind: 'drained', owned: held(1) })
    expect(m.count('join')).toBe(joins + 1)
    expect(m.effects.findLast(effect => effect.kind === 'join')).toMatchObject({
      subscription: { holds: [held(2)] },
    })
  })
})
