import { HoldfastError } from '../../event/index.ts'
import { openRow, sealRow } from './sealed-row.ts'
import type { Place, StorageTransaction, StorageView } from './storage.ts'

/**
 * Where a partition begins and ends. Written in the same transaction as the chunks, so that an end before it is damage
 * and never the end. Every partition of a topic has one from the start.
 */
export interface Tail {
  /** The first kept offset: the base of the first kept chunk, or the end. Offsets have no gaps, so it counts what went. */
  readonly start: bigint
  /** The offset of the next record. */
  readonly end: bigint
  /** The base of the last chunk, kept or not; undefined before the first. */
  readonly last: bigint | undefined
  /** The timestamp of the last record; those that follow have no smaller one. */
  readonly timestamp: number
  /** Of the kept chunks. */
  readonly bytes: number
}

export const EMPTY_TAIL: Tail = { start: 0n, end: 0n, last: undefined, timestamp: 0, bytes: 0 }

/** Undefined for a partition that was never made. Throws `LOG_CORRUPT`. */
export function readTail(view: StorageView, place: Place): Tail | undefined {
  const key = tailKey(place)
  const row = view.row('state', key)
  if (row === undefined) return undefined
  const body = openRow(`the tail of partition ${place.partition} of topic id ${place.topicId}`, key, row)
  if (body.length !== BODY_BYTES) {
    throw new HoldfastError('LOG_CORRUPT', {
      detail: `a tail has ${body.length} bytes instead of ${BODY_BYTES}`,
    })
  }
  const last = body.readBigUInt64BE(16)
  return {
    start: body.readBigUInt64BE(0),
    end: body.readBigUInt64BE(8),
    last: last === NONE ? undefined : last,
    timestamp: body.readDoubleBE(24),
    bytes: body.readDoubleBE(32),
  }
}

export function writeTail(tx: StorageTransaction, place: Place, tail: Tail): void {
  const body = Buffer.allocUnsafe(BODY_BYTES)
  body.writeBigUInt64BE(tail.start, 0)
  body.writeBigUInt64BE(tail.end, 8)
  body.writeBigUInt64BE(tail.last ?? NONE, 16)
  body.writeDoubleBE(tail.timestamp, 24)
  body.writeDoubleBE(tail.bytes, 32)
  const key = tailKey(place)
  tx.putRow('state', key, sealRow(key, body))
}

export function deleteTail(tx: StorageTransaction, place: Place): void {
  tx.deleteRow('state', tailKey(place))
}

const BODY_BYTES = 40
const NONE = 0xffff_ffff_ffff_ffffn

function tailKey(place: Place): Buffer {
  const key = Buffer.allocUnsafe(9)
  key.write('t', 0, 'latin1')
  key.writeUInt32BE(place.topicId, 1)
  key.writeUInt32BE(place.partition, 5)
  return key
}
