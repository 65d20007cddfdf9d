import { expect, it } from 'vitest'
import { judgeProduce, mayBeStored } from './produce-verdict.ts'

it.each([
  ['again', 'NOT_LEADER_OR_FOLLOWER'],
  ['again', 'PLT_KFK_NETWORK'],
  ['again', 'NOT_ENOUGH_REPLICAS'],
  ['again', 'SOMETHING_NEW'],
  ['renew', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ['renew', 'UNKNOWN_PRODUCER_ID'],
  ['known', 'DUPLICATE_SEQUENCE_NUMBER'],
  ['split', 'MESSAGE_TOO_LARGE'],
  ['split', 'INVALID_RECORD'],
  ['refuse', 'TOPIC_AUTHORIZATION_FAILED'],
  ['refuse', 'SASL_AUTHENTICATION_FAILED'],
])('a batch is judged %s after %s', (verdict, id) => {
  // The client puts its own codes around the broker's.
  expect(judgeProduce(new Set(['PLT_KFK_RESPONSE', 'PLT_KFK_PROTOCOL', id]))).toBe(verdict)
})

it('a login that is refused is no broken line, though the client calls it one', () => {
  expect(judgeProduce(new Set(['PLT_KFK_NETWORK', 'PLT_KFK_AUTHENTICATION']))).toBe('refuse')
})

it.each([
  [true, 'PLT_KFK_NETWORK'],
  [true, 'NOT_LEADER_OR_FOLLOWER'],
  [true, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  [true, 'SOMETHING_NEW'],
  [false, 'NOT_ENOUGH_REPLICAS'],
  [false, 'UNKNOWN_TOPIC_OR_PARTITION'],
])('it is %s that a batch may be stored after %s', (may, id) => {
  expect(mayBeStored(new Set(['PLT_KFK_RESPONSE', id]))).toBe(may)
})
