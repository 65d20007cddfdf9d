import { describe, expect, it } from 'vitest'
import type { Completed } from '../consume/index.ts'
import { encodeEvent, offset, type LogRecord } from '../event/index.ts'
import { eventLines } from './event-lines.ts'

const groups = [
  { group: 'billing', topics: ['orders'] },
  { group: 'mail', topics: ['orders', 'users'] },
]

function stored(n: number, topic = 'orders', id = `id-${n}`): LogRecord {
  const acceptedAt = Date.UTC(2026, 0, 1, 12, 0, 1, 250)
  const record = encodeEvent({
    id,
    source: '/test',
    type: 'placed',
    version: 1,
    time: undefined,
    acceptedAt,
    extensions: {},
    key: 'c1',
    data: Buffer.from('{}'),
  })
  return { ...record, key: 'c1', topic, partition: 3, offset: offset(n), timestamp: acceptedAt + 2 }
}

function done(n: number, group: string, more: Partial<Completed> = {}): Completed {
  const at = { topic: 'orders', partition: 3, offset: BigInt(n), group }
  return { ...at, result: 'ok', failures: 0, error: undefined, seconds: 0.005, ...more }
}

function printing(): { lines: string[]; events: ReturnType<typeof eventLines> } {
  const lines: string[] = []
  return { lines, events: eventLines(groups, line => lines.push(line)) }
}

describe('the line of an event', () => {
  it('comes when every group is done, whoever tells first', () => {
    const { lines, events } = printing()
    events.completed(done(17, 'billing'))
    events.stored(stored(17))
    expect(lines).toEqual([])
    events.completed(
      done(17, 'mail', { result: 'dead_lettered', failures: 3, error: 'no address', seconds: 0.0094 }),
    )
    expect(lines).toEqual([
      '12:00:01.250  placed  key c1  id id-17  received → orders/3/17 in 2 ms → billing done after 5 ms, mail dead after 9 ms (no address)',
    ])
  })

  it('tells of attempts before, of groups that wait when it ends, and of a topic that nobody reads', () => {
    const { lines, events } = printing()
    events.stored(stored(1))
    events.completed(done(1, 'mail', { failures: 2, error: 'busy' }))
    events.stored(stored(0, 'logs'))
    events.flush()
    expect(lines.map(line => line.split(' → ').at(-1))).toEqual([
      'no group here',
      'mail done after 5 ms, 3 attempts (busy), billing waits',
    ])
  })

  it('comes for the oldest when too many wait, and holds no control characters', () => {
    const { lines, events } = printing()
    for (let n = 0; n <= 1_000; n++) events.stored(stored(n, 'orders', `\u001b[31m${n}`))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('id ·[31m0  received')
    expect(lines[0]).toContain('billing waits, mail waits')
  })

  it('is told of a record that is no event', () => {
    const { lines, events } = printing()
    events.stored({ ...stored(5, 'logs'), headers: {} })
    expect(lines[0]).toContain('undecodable  key c1  received → logs/3/5 → no group here')
  })
})
