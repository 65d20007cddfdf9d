import { describe, expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import { stateOf, type Facts } from './group-progress.ts'
import type { LaneHistory } from './lane-history.ts'
import { storyOf } from './story.ts'

const at = Date.UTC(2026, 10, 21, 12)
const failure = {
  name: 'Error',
  code: 'CARD',
  message: 'declined\n\u001b[31mby the bank',
  stack: undefined,
  at,
}
const letter = { id: 'dl_1', status: 'died', reason: 'attempts', attempts: 3, last: failure, diedAt: at }
const noLane: LaneHistory = { open: undefined, attempts: [], closed: undefined, unknown: undefined }
const inbox = (inbox: 'applied' | 'missing'): Facts['effect'] => ({
  inbox,
  database: 'postgres',
  reason: undefined,
})

describe('where an event is in a group', () => {
  const facts: Facts = {
    offset: offset(17),
    committed: { offset: offset(40) },
    start: offset(3),
    end: offset(50),
    owner: 'a',
    works: false,
    lane: undefined,
    letter: undefined,
    effect: undefined,
    skips: false,
  }
  const kind = (given: Partial<Facts>): string => stateOf({ ...facts, ...given }).kind

  it('it waits until the position is past it, whatever the lane holds of it already', () => {
    const parked = { ...noLane, open: { round: 0, state: state(), behind: undefined } }
    expect(stateOf({ ...facts, committed: { offset: offset(10) }, lane: parked })).toEqual({
      kind: 'waiting',
      ahead: 7n,
      lag: 40n,
      owner: 'a',
    })
    expect(kind({ committed: { offset: offset(17) } })).toBe('waiting')
    const works = { works: true, committed: { offset: offset(10) } }
    expect(stateOf({ ...facts, ...works, lane: parked })).toEqual({ kind: 'working', ahead: 7n, lag: 40n })
    // What is settled is not in work, whatever was true a moment before.
    expect(kind({ works: true })).toBe('passed')
    expect(stateOf({ ...facts, committed: undefined })).toMatchObject({ ahead: 14n, lag: 47n })
    expect(kind({ lane: parked })).toBe('retrying')
  })

  it('says done only by what is durable: a row of the inbox, an end in the lane, a letter that was replayed', () => {
    expect(kind({})).toBe('passed')
    expect(kind({ effect: inbox('missing') })).toBe('passed')
    expect(kind({ effect: inbox('applied') })).toBe('done')
    expect(kind({ lane: { ...noLane, closed: { how: 'resolved', at } } })).toBe('done')
    expect(kind({ committed: { offset: offset(10) }, effect: inbox('applied') })).toBe('done')
    expect(kind({ committed: { offset: offset(10) }, effect: inbox('missing') })).toBe('waiting')
    expect(stateOf({ ...facts, letter: { ...letter, status: 'resolved' } })).toEqual({
      kind: 'done',
      replayed: true,
    })
  })

  it('tells dead, held, discarded and skipped apart', () => {
    expect(kind({ letter })).toBe('dead')
    expect(kind({ letter: { ...letter, status: 'discarded' } })).toBe('discarded')
    const held = { round: 0, state: { ...state(), final: 'attempts' }, behind: undefined }
    expect(kind({ letter, lane: { ...noLane, open: held } })).toBe('held')
    expect(kind({ skips: true })).toBe('skipped')
    expect(kind({ lane: { ...noLane, closed: { how: 'skipped', at } } })).toBe('skipped')
    expect(kind({ lane: { ...noLane, unknown: 'damaged' } })).toBe('unknown')
  })
})

function state(): NonNullable<LaneHistory['open']>['state'] {
  return { attempts: 1, dueAt: at, deaths: 0, final: undefined, first: failure, last: failure }
}

describe('the story', () => {
  const search = { how: 'index', events: 10_000_000n, read: 41_233n, tookMs: 87.4, unsearched: [] } as const

  it('tells what is known, line by line', () => {
    const story = storyOf({
      id: 'order-1',
      copies: [],
      search,
      events: [
        {
          topic: 'orders',
          partition: 3,
          offset: offset(17),
          source: '/collect/web',
          type: 'placed',
          version: 2,
          key: 'ada',
          tenant: 't1',
          correlationId: 'req-1',
          causationId: undefined,
          acceptedAt: at,
          storedAt: at + 12,
          durability: 'fsync',
          bytes: 300,
          payload: undefined,
          caused: [
            { topic: 'mails', partition: 0, offset: offset(2), id: 'm-1', type: 'mail', storedAt: at + 100 },
          ],
          moreCaused: false,
          groups: [
            {
              group: 'billing',
              position: offset(40),
              state: { kind: 'retrying', attempts: 1, dueAt: at + 30_000, behind: offset(12), replay: false },
              attempts: [{ number: 1, round: 0, at, tookMs: 1_500, outcome: 'failed', failure }],
              letter: undefined,
              effect: inbox('missing'),
            },
            {
              group: 'mail',
              position: offset(18),
              state: { kind: 'dead', reason: 'attempts' },
              attempts: [],
              letter,
              effect: undefined,
            },
            {
              group: 'stock',
              position: undefined,
              state: { kind: 'waiting', ahead: 1n, lag: 1_000n, owner: undefined },
              attempts: [],
              letter: undefined,
              effect: undefined,
            },
          ],
        },
      ],
    })
    expect(story.split('\n')).toEqual([
      'order-1  placed v2  key ada',
      '  received      2026-11-21T12:00:00.000Z by key web, tenant t1',
      '  durable       2026-11-21T12:00:00.012Z in orders/3 offset 17 (fsync), 12 ms later, 300 bytes',
      '  story of      req-1',
      '  billing       in the retry lane: 1 attempt failed, due 2026-11-21T12:00:30.000Z; behind offset 12 of its key',
      '                attempt 1 failed after 1.5 s, 2026-11-21T12:00:00.000Z: CARD declined ·[31mby the bank',
      '                postgres: no inbox row: no effect of it has committed',
      '  mail          dead (attempts)',
      '                letter dl_1 died, 2026-11-21T12:00:00.000Z after 3 attempts: CARD declined ·[31mby the bank',
      '  stock         not settled: position none yet, 1 event before it, lag 1,000; nobody reads the partition now',
      '  caused        mail m-1 in mails/0 offset 2, 2026-11-21T12:00:00.100Z',
      '  searched      10,000,000 events by the index, 41,233 of them read, in 87 ms',
    ])
  })

  it('says what was not searched when there is nothing', () => {
    const unsearched = [{ topic: 'orders', partition: 0, from: offset(0), to: offset(5_000), until: at }]
    const story = storyOf({ id: 'x', events: [], copies: [], search: { ...search, unsearched } })
    expect(story.split('\n')).toEqual([
      'x  is not there',
      '  searched      10,000,000 events by the index, 41,233 of them read, in 87 ms',
      '  not           5,000 events:',
      '                orders/0 offsets 0 to 4999, up to 2026-11-21T12:00:00.000Z',
    ])
  })

  it('names the letter that still has an event whose topic has it no longer', () => {
    const copy = {
      topic: 'orders.mail.dead',
      partition: 0,
      offset: offset(4),
      group: 'mail',
      of: 'dead letter',
    } as const
    expect(storyOf({ id: 'x', events: [], copies: [copy], search })).toContain(
      'x  is in no topic any more\n  mail          its dead letter has it: orders.mail.dead/0 offset 4',
    )
  })
})
