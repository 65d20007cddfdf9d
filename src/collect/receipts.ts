import { decodeEvent, isHoldfastError, offset, type Position } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import type { Key } from './keys.ts'

/** A receipt is the position itself, so nothing has to be kept for it: `events.raw.3.17`. */
export function receiptOf({ topic, partition, offset }: Position): string {
  return `${topic}.${partition}.${offset}`
}

/** What is known of an accepted event; undefined when it is not there for this key: another tenant's, or none at all. */
export async function findReceipt(
  log: Log,
  key: Pick<Key, 'tenant' | 'topics'>,
  receipt: string,
): Promise<Record<string, unknown> | undefined> {
  const position = positionOf(receipt)
  if (!position || !key.topics.has(position.topic)) return undefined
  try {
    const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    const { records } = await log.read(position, limits, new AbortController().signal)
    // With gaps between offsets, a read answers the next record there is.
    const record = records[0]?.offset === position.offset ? records[0] : undefined
    const event = record && decodeEvent(record)
    if (event?.tenant !== key.tenant) return undefined
    return {
      receipt,
      status: 'logged',
      topic: position.topic,
      partition: position.partition,
      offset: String(position.offset),
      id: event.id,
      type: event.type,
      acceptedAt: new Date(event.acceptedAt).toISOString(),
      durability: log.durability,
    }
  } catch (error) {
    // A record that is no event was not accepted here.
    if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_TOPIC_UNKNOWN', 'EVENT_UNDECODABLE'))
      return undefined
    throw error
  }
}

/** The position of a receipt; undefined for a text that is none. */
function positionOf(receipt: string): Position | undefined {
  const [, topic, partition, at] = /^([a-zA-Z0-9._-]{1,200})\.(\d{1,4})\.(\d{1,19})$/.exec(receipt) ?? []
  if (topic === undefined || partition === undefined || at === undefined) return undefined
  return { topic, partition: Number(partition), offset: offset(at) }
}
