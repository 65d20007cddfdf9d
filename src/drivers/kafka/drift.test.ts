import { describe, expect, it } from 'vitest'
import { driftOf, type FoundTopic } from './drift.ts'

const DAY_MS = 86_400_000
const orders = {
  name: 'orders',
  partitions: 3,
  retentionMs: 7 * DAY_MS,
  retentionBytes: undefined,
  isRead: true,
}
const lane = {
  name: 'orders.billing.retry',
  partitions: 3,
  retentionMs: undefined,
  retentionBytes: undefined,
  isRead: false,
}
const asDeclared: Record<string, string> = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * DAY_MS),
  'retention.bytes': '-1',
  'max.message.bytes': '1115536',
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
  'message.timestamp.type': 'CreateTime',
}

function found(settings: Record<string, string> = {}, other: Partial<FoundTopic> = {}): FoundTopic {
  return {
    partitions: 3,
    copies: 3,
    settings: new Map(Object.entries({ ...asDeclared, ...settings })),
    ...other,
  }
}

function drift(
  there: FoundTopic | undefined,
  { durability = 'quorum', positionsKeptMs = 30 * DAY_MS, beside = found({ 'retention.ms': '-1' }) } = {},
): string[] {
  const topics = new Map([[lane.name, beside], ...(there ? [[orders.name, there] as const] : [])])
  return driftOf(
    [orders, lane],
    { topics, positionsKeptMs },
    { durability: durability as 'quorum', maxRecordBytes: 1_000_000 },
  ).map(one => {
    expect(one.status === 'ok' || one.advice !== undefined).toBe(true)
    return `${one.status} ${one.check}: ${one.found}`
  })
}

describe('what doctor says of topics on Kafka', () => {
  it('is one line when all are as they are declared, or not there yet', () => {
    expect(drift(found())).toEqual(['ok kafka topics: 2 of 2 are there, as they are declared'])
    expect(drift(undefined)).toEqual(['ok kafka topics: 1 of 2 are there, as they are declared'])
  })

  it.each([
    ['compaction', found({ 'cleanup.policy': 'compact,delete' }), 'fail', 'cleanup.policy is compact,delete'],
    [
      'less retention',
      found({ 'retention.ms': '3600000' }),
      'warn',
      'it is 3600000: events are deleted early',
    ],
    [
      'more retention',
      found({ 'retention.ms': '-1' }),
      'warn',
      'retention.ms 604800000 is declared, it is -1',
    ],
    [
      'a bound by bytes',
      found({ 'retention.bytes': '1000' }),
      'warn',
      '-1 is declared, it is 1000: events are deleted',
    ],
    ['smaller records', found({ 'max.message.bytes': '500000' }), 'warn', 'max.message.bytes is 500000'],
    ['unclean leaders', found({ 'unclean.leader.election.enable': 'true' }), 'fail', 'unclean.leader'],
    ['times of the broker', found({ 'message.timestamp.type': 'LogAppendTime' }), 'warn', 'LogAppendTime'],
    ['too few partitions', found({}, { partitions: 2 }), 'warn', '3 partitions are declared, it has 2'],
    ['too few copies', found({}, { copies: 2 }), 'fail', 'it has 2 with 2'],
    ['too few in step', found({ 'min.insync.replicas': '1' }), 'fail', 'it has 3 with 1'],
    [
      'settings that nobody may see',
      found({}, { settings: undefined, copies: 3 }),
      'fail',
      'it has 3 with 1',
    ],
  ])('names %s', (_, there, status, text) => {
    const [line, ...more] = drift(there)
    expect(line).toMatch(new RegExp(`^${status} topic orders: `))
    expect(line).toContain(text)
    expect(more.length).toBe(there.settings === undefined ? 1 : 0)
  })

  it('says of less retention alone that events are deleted early', () => {
    expect(drift(found({ 'retention.ms': '-1' }))).toEqual([
      'warn topic orders: retention.ms 604800000 is declared, it is -1',
    ])
  })

  it('compares the copies of an app with one another where no quorum is asked for', () => {
    const single = { durability: 'single' }
    expect(drift(found({}, { copies: 1 }), single)).toEqual([
      'warn topic orders: it has 1 copy, others of this app have 3',
    ])
    expect(drift(found({ 'min.insync.replicas': '1' }), single)).toEqual([
      'warn topic orders: it has 3 copies, and min.insync.replicas 1',
    ])
    const beside = found({ 'retention.ms': '-1', 'min.insync.replicas': '1' }, { copies: 1 })
    expect(drift(found({ 'min.insync.replicas': '1' }, { copies: 1 }), { ...single, beside })).toEqual([
      'ok kafka topics: 2 of 2 are there, as they are declared',
    ])
  })

  it('names positions that are forgotten before the events are', () => {
    expect(drift(found(), { positionsKeptMs: DAY_MS })).toEqual([
      'warn kafka positions: events are kept for 7.0 days, and positions of a group without members for 1.0 days (offsets.retention.minutes)',
    ])
    expect(drift(found(), { positionsKeptMs: 7 * DAY_MS })[0]).toMatch(/^ok/)
  })
})
