import { expect, it } from 'vitest'
import { offset, type LogRecord } from './record.ts'
import { recordLine } from './record-line.ts'

const record = (value: Uint8Array | null, key?: string): LogRecord => ({
  topic: 'orders',
  partition: 2,
  offset: offset(9_007_199_254_740_993n),
  timestamp: Date.UTC(2026, 0, 1),
  key,
  headers: { ce_id: 'a\nb' },
  value,
})

it('keeps a payload that is JSON as it was sent, on one line', () => {
  const line = recordLine(
    record(Buffer.from('{\r\n  "n": 12345678901234567890,\n "n": 1.10, "t": "a\\nb"}\n'), 'ada'),
  )
  expect(line).not.toMatch(/[\r\n]/)
  expect(line).toMatch(/"data":\{ +"n": 12345678901234567890, +"n": 1\.10, "t": "a\\nb"\}\}$/)
  expect(JSON.parse(line)).toEqual({
    topic: 'orders',
    partition: 2,
    offset: '9007199254740993',
    time: '2026-01-01T00:00:00.000Z',
    key: 'ada',
    headers: { ce_id: 'a\nb' },
    data: { n: 1.1, t: 'a\nb' },
  })
})

it('gives any other payload as base64, and a tombstone without one', () => {
  const parsed = (value: Uint8Array | null): unknown => JSON.parse(recordLine(record(value)))
  expect(parsed(Buffer.of(0xff, 0x00))).toMatchObject({ base64: '/wA=' })
  expect(parsed(Buffer.from('no json'))).toMatchObject({ base64: 'bm8ganNvbg==' })
  expect(parsed(new Uint8Array())).toMatchObject({ base64: '' })
  expect(parsed(Buffer.from('null'))).toMatchObject({ data: null })
  const tombstone = parsed(null)
  expect(tombstone).not.toHaveProperty('data')
  expect(tombstone).not.toHaveProperty('base64')
})

it('puts further members in front', () => {
  expect(recordLine(record(null), { cause: 'c1' })).toMatch(/^\{"cause":"c1","topic"/)
})
