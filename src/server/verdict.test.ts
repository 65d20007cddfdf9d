import { describe, expect, it } from 'vitest'
import type { GroupStatus } from '../consume/index.ts'
import { age, bytes, perSecond } from './readable.ts'
import type { StatusReport } from './status-report.ts'
import { verdictOf } from './verdict.ts'

function group(of: Partial<GroupStatus>): GroupStatus {
  return {
    group: 'analytics',
    topics: ['events.raw'],
    state: 'running',
    reason: undefined,
    members: [],
    lag: 0n,
    lagSeconds: 0,
    parked: 0,
    deadLetters: 0,
    partitions: [],
    ...of,
  }
}

function reportOf(groups: readonly GroupStatus[], more: Partial<StatusReport> = {}): StatusReport {
  return {
    at: 0,
    app: { name: 'x', version: '0', startedAt: 0 },
    ready: { ready: true },
    log: { kind: 'memory', durability: 'memory' },
    standing: {
      groups,
      letters: [],
      topics: [],
      space: undefined,
      pools: [],
      outbox: undefined,
      replays: [],
    },
    rates: { in: 0, done: {} },
    breakers: [],
    letters: [],
    ...more,
  }
}

describe('the sentence at the top', () => {
  it('is calm while events are only on their way', () => {
    expect(verdictOf(reportOf([group({ lag: 3n, lagSeconds: 0.4 })])).tone).toBe('good')
  })

  it('counts the groups that are behind and gives the worst', () => {
    expect(
      verdictOf(reportOf([group({ lagSeconds: 41 }), group({ lagSeconds: 5 }), group({})])).sentence,
    ).toBe('2 of 3 groups behind, worst 41 s')
  })

  it('names a dependency that is away, and that events wait rather than get lost', () => {
    const breakers = [{ name: 'postgres', state: 'OPEN' as const, reason: 'x', since: 0, everOpened: true }]
    const paused = group({ state: 'paused', lagSeconds: 41 })
    expect(verdictOf(reportOf([paused], { breakers }))).toEqual({
      tone: 'behind',
      sentence: 'postgres is away: events are taken in and wait. 1 of 1 groups behind, worst 41 s',
    })
  })

  it('says that the log is away, and how many events wait for it', () => {
    const spool = {
      state: 'SPOOLING',
      since: 0,
      events: 1_234,
      bytes: 1,
      setAside: { events: 0, since: undefined, topics: [] },
      oldestAgeMs: 1,
      reason: 'x',
      folder: '/spool',
    } as const
    expect(verdictOf(reportOf([group({ lagSeconds: 41 })], { spool, away: 'x' }))).toEqual({
      tone: 'behind',
      sentence: 'The log is away: 1,234 events in the spool of the collector',
    })
    const { sentence } = verdictOf(
      reportOf([group({})], { spool: { ...spool, state: 'DRAINING', events: 1 } }),
    )
    expect(sentence).toBe('The log is back: 1 event of the spool on the way to it')
  })

  it('says that answered events are set aside, until somebody acts', () => {
    const topics = [{ topic: 'orders', events: 2 }]
    const spool = {
      state: 'NORMAL',
      since: 0,
      events: 0,
      bytes: 0,
      setAside: { events: 2, since: 0, topics },
      oldestAgeMs: 0,
      reason: undefined,
      folder: '/spool',
    } as const
    expect(verdictOf(reportOf([group({ lagSeconds: 41 })], { spool }))).toEqual({
      tone: 'behind',
      sentence: '2 events are set aside by the spool: orders takes less than when it was answered',
    })
  })

  it('puts refused events above everything else', () => {
    const breakers = [{ name: 'postgres', state: 'OPEN' as const, reason: 'x', since: 0, everOpened: true }]
    const ready = { ready: false as const, reason: 'the disk is full' }
    expect(verdictOf(reportOf([group({ lagSeconds: 41 })], { breakers, ready }))).toEqual({
      tone: 'broken',
      sentence: 'Events are refused: the disk is full',
    })
  })

  it('is loud about a group that stands still for a reason of its own', () => {
    const still = group({ state: 'paused', reason: 'too many dead letters' })
    expect(verdictOf(reportOf([still]))).toEqual({
      tone: 'broken',
      sentence: 'analytics is paused: too many dead letters',
    })
  })
})

describe('numbers for people', () => {
  it('gives the two largest units of an age', () => {
    expect([0, 0.04, 3.25, 59.9, 200, 7_500, 273_700].map(age)).toEqual([
      '0 s',
      '0.1 s',
      '3.3 s',
      '59 s',
      '3 min 20 s',
      '2 h 5 min',
      '3 d 4 h',
    ])
  })

  it('rounds rates and sizes to what can be read', () => {
    expect([0, 0.42, 12.3, 2_140.2].map(perSecond)).toEqual(['0/s', '0.4/s', '12/s', '2,140/s'])
    expect([0, 900, 2_048, 48_300_000, 41_000_000_000].map(bytes)).toEqual([
      '0 bytes',
      '900 bytes',
      '2.0 KiB',
      '46 MiB',
      '38 GiB',
    ])
  })
})
