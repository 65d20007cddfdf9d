import { encodeEvent, type Envelope } from '../../src/event/index.ts'
import type { AppendRecord } from '../../src/log/index.ts'

export const PARTITIONS = 8

/** The n-th event as a client sends it that chooses ids of its own: nothing in them says when it was. */
export function idEvent(n: number): AppendRecord {
  const id = `order-${n}`
  return encodeEvent({ ...template, id, correlationId: id, key: `customer-${n % 10_007}` })
}

const template: Envelope = {
  id: '',
  source: '/bench',
  type: 'placed',
  version: 1,
  time: undefined,
  acceptedAt: Date.UTC(2026, 0, 1),
  extensions: {},
  key: undefined,
  data: Buffer.from(JSON.stringify({ note: 'x'.repeat(180) })),
}
