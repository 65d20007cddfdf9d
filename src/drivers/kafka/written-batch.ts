import type { NewRecord } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'
import { varintBytes, WireWriter } from './wire-writer.ts'

/** A record of a batch. */
export interface BodyAt {
  /** As {@link encodeBody} makes it. */
  readonly body: Buffer
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

export interface BatchOf {
  readonly records: readonly BodyAt[]
  readonly producer: { readonly id: bigint; readonly epoch: number; readonly sequence: number }
}

/** Makes bytes fewer, and the number by which the protocol knows how. */
export interface Compression {
  readonly algorithm: number
  readonly compress: (bytes: Buffer) => Buffer | Promise<Buffer>
}

/**
 * A record from its key on; what stands before that depends on its batch. A copy: whoever appends may use their bytes again.
 *
 * ```text
 * record: length, i8 attributes, time delta, offset delta | key, value, number of headers, (name, text) each
 * ```
 */
export function encodeBody({ key, value, headers }: NewRecord): Buffer {
  scratch.at = 0
  if (key === undefined) scratch.varint(-1)
  else scratch.sizedText(key)
  scratch.sizedBytes(value)
  const names = Object.keys(headers)
  scratch.varint(names.length)
  for (const name of names) {
    scratch.sizedText(name)
    scratch.sizedText(headers[name] ?? '')
  }
  const body = Buffer.from(scratch.view(0, scratch.at))
  // One record of many bytes is no reason to hold as many for ever.
  if (body.length > KEPT_BYTES) scratch = new WireWriter(KEPT_BYTES)
  return body
}

const KEPT_BYTES = 64 * 1024
let scratch = new WireWriter(KEPT_BYTES)

/** The most that a record takes in a batch that is not compressed: what a broker compares with `max.message.bytes`. */
export function bytesInBatch(body: Buffer): number {
  // Length, attributes, and deltas of time and offset as varints.
  return body.length + 5 + 1 + 8 + 5
}

/** The head of a batch. */
export const BATCH_BYTES = 61

/**
 * A batch as brokers keep it, in format 2, which is that of every broker since 0.11.
 *
 * ```text
 * i64 first offset   i32 length of what follows   i32 epoch of the leader   i8 format   u32 crc32c of what follows
 * i16 attributes   i32 last offset delta   i64 first time   i64 latest time   i64 producer   i16 its epoch
 * i32 sequence     i32 count   records, compressed as the attributes say
 * ```
 */
export async function encodeBatch(batch: BatchOf, compression?: Compression): Promise<Buffer> {
  const { records } = batch
  const writer = new WireWriter(records.reduce((sum, { body }) => sum + bytesInBatch(body), BATCH_BYTES))
  writer.at = BATCH_BYTES
  const { timestamp: first = 0 } = records[0] ?? {}
  for (const [delta, { body, timestamp }] of records.entries()) {
    const time = timestamp - first
    writer.varint(1 + varintBytes(time) + varintBytes(delta) + body.length)
    writer.int8(0)
    writer.varint(time)
    writer.varint(delta)
    writer.bytes(body)
  }
  if (compression !== undefined) {
    const small = await compression.compress(writer.view(BATCH_BYTES, writer.at))
    writer.at = BATCH_BYTES
    writer.bytes(small)
  }
  const end = writer.at
  writeHead(writer, batch, compression?.algorithm ?? 0)
  return writer.view(0, end)
}

/** In front of the records, which the writer stands behind. */
function writeHead(writer: WireWriter, { records, producer }: BatchOf, attributes: number): void {
  const end = writer.at
  writer.at = CHECKED_FROM
  writer.int16(attributes)
  writer.int32(records.length - 1)
  writer.int64(BigInt(records[0]?.timestamp ?? 0))
  writer.int64(BigInt(records.reduce((latest, { timestamp }) => Math.max(latest, timestamp), 0)))
  writer.int64(producer.id)
  writer.int16(producer.epoch)
  writer.int32(producer.sequence)
  writer.int32(records.length)
  const sum = crc32c(writer.view(CHECKED_FROM, end))
  writer.at = 0
  writer.int64(0n) // the broker gives offsets
  writer.int32(end - LENGTH_ENDS)
  writer.int32(-1)
  writer.int8(FORMAT)
  writer.uint32(sum)
}

const FORMAT = 2
const LENGTH_ENDS = 12
const CHECKED_FROM = 21
