import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEvent, encodeEvent, type Envelope } from './envelope.ts'
import { offset, type LogRecord, type NewRecord } from './record.ts'

function stored(record: NewRecord): LogRecord {
  return {
    key: record.key,
    value: record.value,
    headers: record.headers,
    topic: 't',
    partition: 0,
    offset: offset(5),
    timestamp: 1_000,
  }
}

const text = fc.string({ minLength: 1, unit: 'grapheme' })
const maybe = fc.option(text, { nil: undefined })
const envelope: fc.Arbitrary<Envelope> = fc.record({
  id: text,
  source: text,
  type: text,
  version: fc.integer({ min: 1, max: 99 }),
  time: maybe,
  subject: maybe,
  datacontenttype: maybe,
  dataschema: maybe,
  tenant: maybe,
  correlationId: maybe,
  causationId: maybe,
  traceparent: maybe,
  acceptedAt: fc.integer({ min: 1, max: 2 ** 45 }),
  extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{0,9}$/), fc.string()),
  key: maybe,
  data: fc.option(fc.uint8Array()),
})

/** An event with nothing that it need not have. */
const bare: Envelope = {
  id: '1',
  source: '/s',
  type: 'c',
  version: 1,
  time: undefined,
  acceptedAt: 7,
  extensions: {},
  key: undefined,
  data: null,
}

describe('envelope', () => {
  it('comes back from its record as it went in, bytes untouched', () => {
    fc.assert(
      fc.property(envelope, event => {
        const back = decodeEvent(stored(encodeEvent(event)))
        const clean = (one: Envelope): object =>
          Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))
        expect(clean(back)).toEqual(clean({ ...event, extensions: { ...event.extensions } }))
      }),
    )
  })

  it('is the binary mode of the CloudEvents Kafka binding', () => {
    const { headers, key } = encodeEvent({
      id: '1',
      source: '/s',
      type: 'click',
      version: 2,
      time: '2026-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      tenant: 't1',
      acceptedAt: 7,
      extensions: { region: 'eu' },
      key: 't1/c',
      data: null,
    })
    expect(key).toBe('t1/c')
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: '1',
      ce_source: '/s',
      ce_type: 'click',
      ce_schemaversion: '2',
      ce_time: '2026-01-01T00:00:00Z',
      'content-type': 'application/json',
      ce_tenant: 't1',
      ce_region: 'eu',
      'hf-at': '7',
    })
  })

  it('hazard S6: an extension can neither take the place of an attribute nor carry a name that is ours', () => {
    const { headers } = encodeEvent({
      id: '1',
      source: '/s',
      type: 'click',
      version: 1,
      time: undefined,
      acceptedAt: 7,
      key: undefined,
      data: null,
      tenant: 'mine',
      extensions: {
        id: 'forged',
        tenant: 'other',
        'hf-at': '1',
        'a\r\nb': 'x',
        UPPER: 'x',
        schemaversion: '9',
      },
    })
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: '1',
      ce_source: '/s',
      ce_type: 'click',
      ce_tenant: 'mine',
      'hf-at': '7',
    })
  })

  it('takes the time of the log where no accept time was written', () => {
    const record = stored(encodeEvent(bare))
    const { 'hf-at': _, ...foreign } = record.headers
    expect(decodeEvent({ ...record, headers: foreign }).acceptedAt).toBe(1_000)
    expect(decodeEvent({ ...record, headers: { ...foreign, 'hf-at': 'x' } }).acceptedAt).toBe(1_000)
  })

  it.each(['ce_id', 'ce_source', 'ce_type'])('cannot be read without %s', header => {
    const record = stored(encodeEvent(bare))
    expect(() => decodeEvent({ ...record, headers: { ...record.headers, [header]: '' } })).toThrowError(
      expect.objectContaining({
        code: 'EVENT_UNDECODABLE',
        message: expect.stringContaining(`t/0 offset 5: header ${header} is missing`),
      }),
    )
  })
})
