import { expect, it } from 'vitest'
import { offset, type LogRecord } from '../event/index.ts'
import { traceOf } from './trace.ts'

const event = (id: string, cause?: string): LogRecord => ({
  topic: 't',
  partition: 0,
  offset: offset(0),
  timestamp: 0,
  key: undefined,
  headers: { ce_id: id, ce_source: 's', ce_type: 'x', ...(cause !== undefined && { ce_causationid: cause }) },
  value: null,
})

const lines = (...records: readonly LogRecord[]): string[] =>
  traceOf(records).map(({ depth, record }) => `${'  '.repeat(depth)}${record.headers['ce_id']}`)

it('puts each event below its cause, in the order in which they came', () => {
  expect(lines(event('a'), event('b', 'a'), event('c', 'a'), event('d', 'b'), event('e', 'b'))).toEqual([
    'a',
    '  b',
    '    d',
    '    e',
    '  c',
  ])
})

it('puts one whose cause is not there at the top, and one of a circle once', () => {
  expect(lines(event('b', 'gone'), event('c', 'b'))).toEqual(['b', '  c'])
  expect(lines(event('a', 'a'))).toEqual(['a'])
  expect(lines(event('a', 'b'), event('b', 'a')).toSorted()).toEqual(['a', 'b'])
  // Two sources have used one id: what it caused is still one event.
  expect(lines(event('a'), event('a'), event('b', 'a'))).toEqual(['a', '  b', 'a'])
})
