import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offset, type LogRecord, type Offset } from '../../event/index.ts'
import { decodeJob, encodeJob } from './job-codec.ts'
import { countNames, JOB_TOPIC, type JobCounts, type JobRecord } from './job-record.ts'

const text = fc.string({ unit: 'grapheme' })
const count = fc.nat()
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })
const place: fc.Arbitrary<Offset> = fc.bigInt({ min: 0n, max: 2n ** 63n }).map(offset)
const wish = { job: text, at: count, by: text, reason: text }
const counts = fc.record(
  Object.fromEntries(countNames.map(name => [name, count])),
) as unknown as fc.Arbitrary<JobCounts>
const record: fc.Arbitrary<JobRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('asked'),
    ...wish,
    group: text,
    mode: fc.constantFrom('fill', 'reprocess'),
    ratePerSecond: maybe(fc.integer({ min: 1, max: 60_000 }).map(n => n / 60)),
    ranges: fc.array(fc.record({ topic: text, partition: count, from: place, to: place }), { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('cancel'), ...wish }),
  fc.record({
    kind: fc.constant('progress'),
    job: text,
    topic: text,
    partition: count,
    tenure: text,
    at: count,
    position: place,
    state: fc.constantFrom('running', 'waits', 'done', 'cancelled'),
    reason: maybe(text),
    counts,
  }),
)

function stored(value: Uint8Array | null): LogRecord {
  return {
    topic: JOB_TOPIC,
    partition: 0,
    offset: offset(7),
    key: undefined,
    headers: {},
    timestamp: 0,
    value,
  }
}

describe('a record of a replay', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(record, one => {
        expect(decodeJob(stored(encodeJob(one).value))).toEqual(one)
      }),
    )
  })

  it('says a newer version for a reprocess only, which an older process must not take for damage', () => {
    const versionOf = (mode: 'fill' | 'reprocess'): unknown => {
      const asked = {
        kind: 'asked',
        job: 'j',
        group: 'g',
        mode,
        ratePerSecond: undefined,
        ranges: [],
      } as const
      const { value } = encodeJob({ ...asked, at: 1, by: 'b', reason: 'r' })
      return (JSON.parse(new TextDecoder().decode(value ?? undefined)) as { version: number }).version
    }
    expect([versionOf('fill'), versionOf('reprocess')]).toEqual([1, 2])
  })

  it('reads what version 1 wrote', () => {
    const asked =
      '{"version":1,"kind":"asked","job":"j","group":"g","mode":"fill","ratePerSecond":5,"ranges":[{"topic":"t","partition":0,"from":"0","to":"9"}],"at":1,"by":"b","reason":"r"}'
    expect(decodeJob(stored(new TextEncoder().encode(asked)))).toMatchObject({
      kind: 'asked',
      ranges: [{ topic: 't', partition: 0, from: 0n, to: 9n }],
    })
    const progress =
      '{"version":1,"kind":"progress","job":"j","topic":"t","partition":0,"tenure":"w","at":2,"position":"4","state":"running","counts":{"passed":0,"left":0,"known":3,"unknown":0,"applied":1,"skipped":0,"died":0}}'
    expect(decodeJob(stored(new TextEncoder().encode(progress)))).toMatchObject({
      position: 4n,
      counts: { known: 3 },
    })
  })

  it.each([
    ['of a newer version', '{"version":3,"kind":"asked"}', 'LOG_VERSION'],
    [
      'of a mode that nobody knows',
      '{"version":1,"kind":"asked","job":"j","at":1,"by":"","reason":"","group":"g","mode":"x","ranges":[]}',
      'LOG_CORRUPT',
    ],
    ['that is no JSON', 'x', 'LOG_CORRUPT'],
    [
      'without a position',
      '{"version":1,"kind":"progress","job":"j","topic":"t","partition":0,"tenure":"w","at":1}',
      'LOG_CORRUPT',
    ],
  ])('%s is refused and never passed over', (_, json, code) => {
    expect(() => decodeJob(stored(new TextEncoder().encode(json)))).toThrow(
      expect.objectContaining({ code }) as Error,
    )
  })
})
