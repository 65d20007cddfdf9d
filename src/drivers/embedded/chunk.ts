import type { Headers, LogRecord, NewRecord } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'
import { damaged, RecordReader } from './record-reader.ts'
import { RecordWriter } from './record-writer.ts'

/**
 * A chunk: the records that one commit added to one partition, as they stand on disk. All share one timestamp. Each
 * chunk names the base offset of the chunk before it, so a reader sees when one between is missing, and says whose it
 * is, so that one read at a wrong place is not taken for the right one.
 *
 * ```text
 * u32 crc32c of all that follows   u8 version   u8 x 3 zero   u32 length of the chunk
 * u32 topic id   u32 partition     u64 base     u64 previous base, all ones for none
 * f64 timestamp                    u32 count    records
 * record: size of the rest, key, value (0 for null, else size + 1 and bytes), number of headers, (name, text) each
 * ```
 * Numbers of the head are big-endian, sizes of records are varints. A chunk is whole or refused: sizes in it are
 * believed only after the sum was right, and even then only within its bytes.
 */
export interface ChunkHead {
  readonly topicId: number
  readonly partition: number
  readonly base: bigint
  /** Undefined for the first chunk of a partition. */
  readonly previous: bigint | undefined
  /** Milliseconds since 1970, of every record in it. */
  readonly timestamp: number
}

export interface Chunk extends ChunkHead {
  readonly count: number
  /** Bytes of the whole chunk. */
  readonly size: number
  /** The offset after its last record. */
  readonly next: bigint
  /** Record `index` of 0 to count - 1. */
  record(topic: string, index: number): LogRecord
  /** Bytes of record `index` in the chunk. */
  sizeOf(index: number): number
}

const CHUNK_VERSION = 1
export const HEAD_BYTES = 48
const NO_PREVIOUS = 0xffff_ffff_ffff_ffffn
const writer = new RecordWriter()
/** Headers of the record that was read before. */
const lastNames: string[] = []
const lastTexts: string[] = []

/** Puts encoded records ({@link encodeRecord}) behind a head. */
export function encodeChunk(head: ChunkHead, records: readonly Uint8Array[]): Buffer {
  let length = HEAD_BYTES
  for (const record of records) length += record.length
  const chunk = Buffer.allocUnsafe(length)
  chunk.writeUInt32BE(CHUNK_VERSION << 24, 4)
  chunk.writeUInt32BE(length, 8)
  chunk.writeUInt32BE(head.topicId, 12)
  chunk.writeUInt32BE(head.partition, 16)
  chunk.writeBigUInt64BE(head.base, 20)
  chunk.writeBigUInt64BE(head.previous ?? NO_PREVIOUS, 28)
  chunk.writeDoubleBE(head.timestamp, 36)
  chunk.writeUInt32BE(records.length, 44)
  let at = HEAD_BYTES
  for (const record of records) {
    chunk.set(record, at)
    at += record.length
  }
  chunk.writeUInt32BE(crc32c(chunk.subarray(4)), 0)
  return chunk
}

/** Throws `LOG_CORRUPT` saying what is wrong, when these are not the bytes of one whole chunk. */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (chunk.length < HEAD_BYTES) throw damaged(`${chunk.length} bytes are too few for a chunk`)
  if (chunk.readUInt32BE(8) !== chunk.length) {
    throw damaged(`the chunk says ${chunk.readUInt32BE(8)} bytes and has ${chunk.length}`)
  }
  const sum = crc32c(chunk.subarray(4))
  if (chunk.readUInt32BE(0) !== sum) throw damaged('the checksum of the chunk does not match')
  const version = chunk.readUInt8(4)
  if (version !== CHUNK_VERSION) throw damaged(`chunk version ${version} is not known here`)
  const count = chunk.readUInt32BE(44)
  const starts = recordStarts(chunk, count)
  const base = chunk.readBigUInt64BE(20)
  const previous = chunk.readBigUInt64BE(28)
  const timestamp = chunk.readDoubleBE(36)
  const partition = chunk.readUInt32BE(16)
  const start = (index: number): number => starts[index] ?? chunk.length
  return {
    topicId: chunk.readUInt32BE(12),
    partition,
    base,
    previous: previous === NO_PREVIOUS ? undefined : previous,
    timestamp,
    count,
    size: chunk.length,
    next: base + BigInt(count),
    sizeOf: index => start(index + 1) - start(index),
    record(topic, index) {
      const reader = new RecordReader(chunk, start(index), start(index + 1))
      reader.varint() // its size, which gave where it ends
      const offset = (base + BigInt(index)) as LogRecord['offset']
      const key = reader.optionalText()
      const value = reader.optionalBytes()
      return { topic, partition, offset, key, value, headers: headersOf(reader), timestamp }
    },
  }
}

/** The bytes of a record within a chunk. */
export function encodeRecord(record: Pick<NewRecord, 'key' | 'value' | 'headers'>): Buffer {
  const { key, value, headers } = record
  const names = Object.keys(headers)
  writer.begin()
  writer.optionalText(key)
  writer.optionalBytes(value)
  writer.varint(names.length)
  for (const name of names) {
    writer.text(name)
    writer.text(headers[name] ?? '')
  }
  return writer.sized()
}

function headersOf(reader: RecordReader): Headers {
  const headers: Record<string, string> = {}
  const count = reader.varint()
  for (let i = 0; i < count; i++) {
    const name = reader.textLike(lastNames, i)
    const text = reader.textLike(lastTexts, i)
    // As an own property even when the name is `__proto__`.
    if (name === '__proto__') Object.defineProperty(headers, name, { value: text, enumerable: true })
    else headers[name] = text
  }
  return headers
}

function recordStarts(chunk: Buffer, count: number): readonly number[] {
  // Every record takes at least 4 bytes, so a larger count cannot be true: nothing is allocated by it.
  if (count > (chunk.length - HEAD_BYTES) / 4) throw damaged(`${count} records do not fit into the chunk`)
  const reader = new RecordReader(chunk, HEAD_BYTES, chunk.length)
  const starts: number[] = []
  for (let i = 0; i < count; i++) {
    starts.push(reader.at)
    reader.skip(reader.varint())
  }
  if (reader.at !== chunk.length) throw damaged('bytes are left over after the last record')
  return starts
}
