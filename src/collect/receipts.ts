import { decodeEvent, isHoldfastError, offset, type LogRecord, type Position } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import type { Taken } from './appender.ts'
import type { Key } from './keys.ts'
import type { Spool } from './spool/spool.ts'

/**
 * A receipt is the position itself, so nothing has to be kept for it: `events.raw.3.17`. One in the spool is
 * `events.raw.s3.17`.
 */
export function receiptOf({ kind, position: { topic, partition, offset } }: Taken): string {
  return `${topic}.${kind === 'spooled' ? 's' : ''}${partition}.${offset}`
}

export interface ReceiptParts {
  readonly log: Log
  readonly spool: Spool | undefined
}

/** What is known of an accepted event; undefined when it is not there for this key: another tenant's, or none at all. */
export async function findReceipt(
  { log, spool }: ReceiptParts,
  key: Pick<Key, 'tenant' | 'topics'>,
  receipt: string,
): Promise<Record<string, unknown> | undefined> {
  const named = placeOf(receipt)
  if (!named || !key.topics.has(named.position.topic)) return undefined
  try {
    const found = await find({ log, spool }, named)
    if (!found) return undefined
    const { record } = found
    const event = record && decodeEvent(record)
    if (event?.tenant !== key.tenant) return undefined
    const { topic, partition, offset } = record ?? named.position
    const place = { topic, partition, offset: String(offset) }
    return {
      receipt,
      status: found.kind,
      ...(found.kind === 'logged' ? place : { topic }),
      id: event.id,
      type: event.type,
      acceptedAt: new Date(event.acceptedAt).toISOString(),
      durability: found.kind === 'logged' ? log.durability : 'spool',
    }
  } catch (error) {
    // A record that is no event was not accepted here.
    if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE', 'LOG_TOPIC_UNKNOWN', 'EVENT_UNDECODABLE'))
      return undefined
    throw error
  }
}

async function find(
  { log, spool }: ReceiptParts,
  { kind, position }: Named,
): Promise<{ readonly kind: 'logged' | 'spooled'; readonly record: LogRecord | undefined } | undefined> {
  if (kind === 'logged') return { kind, record: await recordAt(log, position) }
  const found = await spool?.find(position)
  return found?.kind === 'logged' ? { kind: found.kind, record: await recordAt(log, found.position) } : found
}

/** With gaps between offsets, a read answers the next record there is. */
async function recordAt(log: Log, position: Position): Promise<LogRecord | undefined> {
  const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
  const { records } = await log.read(position, limits, new AbortController().signal)
  return records[0]?.offset === position.offset ? records[0] : undefined
}

interface Named {
  readonly kind: 'logged' | 'spooled'
  readonly position: Position
}

/** The place that a receipt names; undefined for a text that is none. */
function placeOf(receipt: string): Named | undefined {
  const [, topic, spooled, partition, at] =
    /^([a-zA-Z0-9._-]{1,200})\.(s?)(\d{1,4})\.(\d{1,19})$/.exec(receipt) ?? []
  if (topic === undefined || partition === undefined || at === undefined) return undefined
  const position = { topic, partition: Number(partition), offset: offset(at) }
  return { kind: spooled === 's' ? 'spooled' : 'logged', position }
}
