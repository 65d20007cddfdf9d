import { expect, it } from 'vitest'
import { offset, type LogRecord } from '../../event/index.ts'
import type { Failure } from '../failure.ts'
import { decodeLetter, encodeLetter } from './letter-record.ts'

const event: LogRecord = {
  topic: 'orders',
  partition: 3,
  offset: offset(17),
  key: 'o1',
  headers: { ce_id: 'e1', ce_type: 'placed' },
  value: Buffer.from('{"order":"o1"}'),
  timestamp: 1_000,
}

const failure: Failure = {
  name: 'RangeError',
  code: undefined,
  message: 'too large',
  stack: 'RangeError: too large\n    at handle (/srv/app.ts:1:1)',
  at: 2_000,
}

it.each([
  { what: 'the same at another time', last: { ...failure, at: 3_000 }, times: 1 },
  { what: 'another', last: { ...failure, message: 'too small', at: 3_000 }, times: 2 },
  { what: 'one with a code', last: { ...failure, code: '23514', at: 3_000 }, times: 2 },
])('a letter keeps its first failure, and its stack once when the last one is $what', ({ last, times }) => {
  const death = { group: 'billing', reason: 'attempts', attempts: 4, first: failure, last, diedAt: 3_000 }
  const { headers, key, value } = encodeLetter(event, death)
  expect(headers['hf-letter']?.split('/srv/app.ts')).toHaveLength(times + 1)
  const record = { ...event, topic: 'orders.billing.dead', offset: offset(0), headers, key, value }
  const read = decodeLetter(record)
  // JSON leaves out what is undefined.
  expect({ ...read?.first, code: read?.first.code }).toEqual(failure)
  expect({ ...read?.last, code: read?.last.code }).toEqual(last)
})
