import { HoldfastError, type Headers, type LogRecord, type NewRecord } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'

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
      const reader = new Reader(chunk, start(index), start(index + 1))
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

function headersOf(reader: Reader): Headers {
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

/** Headers of the record that was read before. Records of a topic look alike, and texts that repeat are not made again. */
const lastNames: string[] = []
const lastTexts: string[] = []
/** Beyond so many headers, and for longer texts, nothing is remembered. */
const MAX_REMEMBERED = { headers: 16, length: 64 }

function recordStarts(chunk: Buffer, count: number): readonly number[] {
  // Every record takes at least 4 bytes, so a larger count cannot be true: nothing is allocated by it.
  if (count > (chunk.length - HEAD_BYTES) / 4) throw damaged(`${count} records do not fit into the chunk`)
  const reader = new Reader(chunk, HEAD_BYTES, chunk.length)
  const starts: number[] = []
  for (let i = 0; i < count; i++) {
    starts.push(reader.at)
    reader.skip(reader.varint())
  }
  if (reader.at !== chunk.length) throw damaged('bytes are left over after the last record')
  return starts
}

/**
 * Writes one record after the other into one buffer, and hands out copies. Texts are short and nearly all ASCII: a loop
 * writes them in less time than a call to the runtime takes, and there is no first pass to add up sizes.
 */
class Writer {
  #bytes = Buffer.allocUnsafe(KEPT_BYTES)
  #at = 0

  begin(): void {
    this.#at = 0
  }

  /** What was written since the beginning, with its size in front. */
  sized(): Buffer {
    const size = this.#at
    this.varint(size) // behind it, since only now it is known
    const record = Buffer.allocUnsafe(this.#at)
    record.set(this.#bytes.subarray(size, this.#at))
    record.set(this.#bytes.subarray(0, size), this.#at - size)
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(KEPT_BYTES)
    return record
  }

  varint(n: number): void {
    this.#reserve(5)
    let left = n
    while (left > 127) {
      this.#bytes[this.#at++] = (left & 127) | 128
      left >>>= 7
    }
    this.#bytes[this.#at++] = left
  }

  optionalBytes(bytes: Uint8Array | null): void {
    this.varint(bytes === null ? 0 : bytes.length + 1)
    if (bytes === null) return
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  optionalText(text: string | undefined): void {
    if (text === undefined) this.varint(0)
    else this.text(text, 1)
  }

  /** `more` is added to the size. */
  text(text: string, more = 0): void {
    this.#reserve(5 + text.length)
    if (text.length + more < 128 && this.#ascii(text, this.#at + 1)) {
      this.#bytes[this.#at] = text.length + more
      this.#at += 1 + text.length
      return
    }
    const size = Buffer.byteLength(text)
    this.varint(size + more)
    this.#reserve(size)
    this.#at += this.#bytes.write(text, this.#at)
  }

  /** False when it met something else. */
  #ascii(text: string, at: number): boolean {
    const bytes = this.#bytes
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return false
      bytes[at + i] = code
    }
    return true
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** One record of many bytes is no reason to hold as many for ever. */
const KEPT_BYTES = 64 * 1024
const writer = new Writer()

/** Values lie together in blocks: memory of its own costs several times what copying it does. */
const BLOCK_BYTES = 8 * 1024
let block = new Uint8Array(BLOCK_BYTES)
let blockAt = 0

/** Memory for a value, of which one that is kept for long keeps no more than a block. */
function room(size: number): Uint8Array {
  if (size > BLOCK_BYTES / 4) return new Uint8Array(size)
  if (blockAt + size > BLOCK_BYTES) {
    block = new Uint8Array(BLOCK_BYTES)
    blockAt = 0
  }
  blockAt += size
  return block.subarray(blockAt - size, blockAt)
}

/** Reads within its bounds, and copies: what it gives keeps nothing of the chunk. */
class Reader {
  readonly #bytes: Buffer
  readonly #end: number
  at: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  varint(): number {
    let n = 0
    for (let shift = 0; shift < 32; shift += 7) {
      if (this.at >= this.#end) throw damaged('a record ends within a number')
      const byte = this.#bytes[this.at++] ?? 0
      n += (byte & 127) * 2 ** shift
      if (byte < 128) return n
    }
    throw damaged('a number in a record is longer than five bytes')
  }

  /** Answers where the skipped bytes begin. */
  skip(size: number): number {
    const from = this.at
    if (size > this.#end - from) throw damaged(`a record wants ${size} bytes where fewer are left`)
    this.at = from + size
    return from
  }

  optionalText(): string | undefined {
    const size = this.varint()
    if (size === 0) return undefined
    const from = this.skip(size - 1)
    return this.#bytes.toString('utf8', from, this.at)
  }

  optionalBytes(): Uint8Array | null {
    const size = this.varint()
    if (size === 0) return null
    const from = this.skip(size - 1)
    const copy = room(size - 1)
    this.#bytes.copy(copy, 0, from, this.at)
    return copy
  }

  /** A text that is often the same as the one that is remembered. */
  textLike(remembered: string[], i: number): string {
    const size = this.varint()
    const from = this.skip(size)
    const before = remembered[i]
    if (before?.length === size && this.#isAscii(before, from)) return before
    const text = this.#bytes.toString('utf8', from, this.at)
    if (i < MAX_REMEMBERED.headers && size <= MAX_REMEMBERED.length) remembered[i] = text
    return text
  }

  #isAscii(text: string, from: number): boolean {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127 || code !== this.#bytes[from + i]) return false
    }
    return true
  }
}

function damaged(detail: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', { detail })
}
