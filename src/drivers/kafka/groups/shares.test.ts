import { describe, expect, it } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeSubscription } from './consumer-protocol.ts'
import {
  decodeOurSubscription,
  decodeShare,
  encodeOurSubscription,
  encodeShare,
  type Share,
  type Subscription,
} from './shares.ts'

const subscription: Subscription = {
  name: 'größe 🙂',
  topics: ['orders', 'a.b'],
  leaving: false,
  generation: 7,
  base: 1n << 60n,
  holds: [
    { topic: 'orders', partition: 2, epoch: (1n << 60n) + 7n, release: false },
    { topic: 'orders', partition: 0, epoch: 5n, release: true },
  ],
}
const share: Share = { base: 3n, holds: subscription.holds, partitions: new Map([['orders', 12]]) }

describe('what members of a group tell each other', () => {
  it('is read as it was written, and says to Kafka who reads and has what', () => {
    expect(decodeOurSubscription(encodeOurSubscription(subscription))).toEqual(subscription)
    expect(decodeShare(encodeShare(share))).toEqual(share)
    const first = { ...subscription, base: undefined, generation: -1, holds: [] }
    expect(decodeOurSubscription(encodeOurSubscription(first))).toEqual(first)
    const partitions = [{ topic: 'orders', partitions: [0, 2] }]
    expect(decodeSubscription(encodeOurSubscription(subscription))).toMatchObject({
      topics: subscription.topics,
      owned: partitions,
    })
    expect(decodeAssignment(encodeShare(share)).assigned).toEqual(partitions)
  })

  it('is not ours when another client wrote it, and is never an error', () => {
    const foreign = encodeSubscription({ topics: ['orders'], userData: Buffer.from('{"v":9}'), owned: [] })
    for (const bytes of [foreign, Buffer.alloc(0), Buffer.from([0, 1]), Buffer.alloc(64, 0xff)]) {
      expect(decodeOurSubscription(bytes)).toBeUndefined()
      expect(decodeShare(bytes)).toBeUndefined()
    }
    const whole = encodeShare(share)
    for (let length = 0; length < whole.length; length++)
      expect(decodeShare(whole.subarray(0, length))).toBeUndefined()
  })
})
