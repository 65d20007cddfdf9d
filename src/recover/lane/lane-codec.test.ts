import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offset, type LogRecord, type Offset } from '../../event/index.ts'
import type { Failure } from '../failure.ts'
import { decodeLaneRecord, encodeLaneRecord, laneTopicOf } from './lane-codec.ts'
import { requestActions, type LaneRecord } from './lane-record.ts'

const text = fc.string({ unit: 'grapheme' })
const count = fc.nat()
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })
const place: fc.Arbitrary<Offset> = fc.bigInt({ min: 0n, max: 2n ** 63n }).map(offset)
const failure: fc.Arbitrary<Failure> = fc.record({
  name: text,
  code: maybe(text),
  message: text,
  stack: maybe(text),
  at: count,
})
const written = { tenure: text, seq: count }
const identity = { generation: count, origin: place, round: count }
const record: fc.Arbitrary<LaneRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('park'),
    ...written,
    ...identity,
    state: fc.record({
      attempts: count,
      dueAt: count,
      deaths: count,
      final: maybe(text),
      first: maybe(failure),
      last: maybe(failure),
    }),
    event: fc.record({
      key: maybe(text),
      headers: fc.dictionary(text, text, { noNullPrototype: true, maxKeys: 4 }),
      value: fc.option(fc.uint8Array({ maxLength: 50 }), { nil: null }),
      time: count,
    }),
  }),
  fc.record({ kind: fc.constant('start'), ...written, ...identity }),
  fc.record({
    kind: fc.constant('attempt'),
    ...written,
    ...identity,
    attempts: count,
    dueAt: count,
    final: maybe(text),
    failure: maybe(failure),
  }),
  fc.record({
    kind: fc.constant('closed'),
    ...written,
    ...identity,
    how: fc.constantFrom('resolved', 'dead', 'skipped'),
  }),
  fc.record({
    kind: fc.constant('request'),
    id: text,
    action: fc.constantFrom(...requestActions),
    generation: count,
    origin: place,
    letterVersion: count,
    by: text,
    reason: text,
  }),
  fc.record({ kind: fc.constant('answer'), ...written, id: text, refused: maybe(text) }),
  fc.record({ kind: fc.constant('fence'), ...written, topic: text, group: text }),
)

const stored = (lane: LaneRecord): LogRecord => ({
  key: undefined,
  ...encodeLaneRecord(lane, 3),
  topic: 'orders.billing.retry',
  partition: 3,
  offset: offset(7),
  timestamp: 0,
})
const start: LaneRecord = {
  kind: 'start',
  tenure: 't',
  seq: 1,
  generation: 0,
  origin: offset(5),
  round: 0,
}
/** A start whose stored text was changed. */
const changed = (from: string, to: string): LogRecord => {
  const whole = stored(start)
  const header = whole.headers['hf-lane'] ?? ''
  expect(header).toContain(from)
  return { ...whole, headers: { 'hf-lane': header.replace(from, to) } }
}

describe('lane records', () => {
  it('come back as they were, and a parked event keeps its own key, headers and bytes', () => {
    fc.assert(
      fc.property(record, lane => {
        const whole = stored(lane)
        expect(whole.partition).toBe(3)
        expect(decodeLaneRecord(whole)).toMatchObject(lane)
        if (lane.kind !== 'park') return
        expect(whole).toMatchObject({ key: lane.event.key, value: lane.event.value })
        expect(whole.headers).toMatchObject(lane.event.headers)
      }),
    )
  })

  it('refuse one that a newer version wrote, naming where it stands', () => {
    expect(() => decodeLaneRecord(changed('"version":1', '"version":3'))).toThrow(
      expect.objectContaining({
        code: 'LOG_VERSION',
        detail: 'retry lane orders.billing.retry/3 offset 7 has format 3, known up to 2',
      }),
    )
  })

  it.each([
    ['no header', { ...stored(start), headers: {} }, 'is no JSON object'],
    ['half a header', changed('}', ''), 'is no JSON object'],
    ['no version', changed('"version":1,', ''), 'has version undefined where a whole number from 0 belongs'],
    ['an unknown kind', changed('"start"', '"stop"'), 'has kind "stop" where a kind of lane record belongs'],
    ['an origin that is no offset', changed('"5"', '"-5"'), 'has origin "-5" where digits belongs'],
    ['no tenure', changed('"t"', 'null'), 'has tenure null where a text belongs'],
  ])('report one with %s as damage', (_, damaged, what) => {
    expect(() => decodeLaneRecord(damaged)).toThrow(
      expect.objectContaining({
        code: 'LOG_CORRUPT',
        detail: `retry lane orders.billing.retry/3 offset 7 ${what}`,
      }),
    )
  })

  it('have topics of their own: a dot in a topic name makes no two of them equal, since groups hold none', () => {
    const names = [
      ['a', 'b'],
      ['a.b', 'c'],
      ['a.b.retry', 'c'],
      ['a', 'b-c'],
    ].map(([topic = '', group = '']) => laneTopicOf(topic, group))
    expect(names).toEqual(['a.b.retry', 'a.b.c.retry', 'a.b.retry.c.retry', 'a.b-c.retry'])
  })
})
