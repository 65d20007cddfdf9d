import { HoldfastError, idHeaders } from '../../event/index.ts'
import { HEAD_BYTES } from './chunk.ts'
import type { IdHashes } from './id-filter.ts'

/** The head of a chunk, read without its sum: for looking, where whatever is found is read again and checked. */
export interface ChunkGlance {
  readonly count: number
  /** The offset after its last record. */
  readonly next: bigint
  readonly timestamp: number
}

/** Undefined for what is too short to be a chunk. */
export function glanceAt({ base, bytes }: { base: bigint; bytes: Uint8Array }): ChunkGlance | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = chunk.readUInt32BE(44)
  return { count, next: base + BigInt(count), timestamp: chunk.readDoubleBE(36) }
}

/**
 * Adds the ids in the headers of each record, one that a record has twice once. Nothing is decoded and no text is made:
 * this looks at every event, and must cost little beside having stored it. Throws `LOG_CORRUPT` for what is no chunk.
 */
export function addIds(chunk: Uint8Array, to: IdHashes): void {
  at = HEAD_BYTES
  while (at < chunk.length) {
    const size = varint(chunk)
    const end = at + size
    if (end > chunk.length)
      throw new HoldfastError('LOG_CORRUPT', { detail: 'a record is longer than its chunk' })
    const key = varint(chunk)
    at += Math.max(0, key - 1)
    const value = varint(chunk)
    at += Math.max(0, value - 1)
    const before = to.count
    for (let left = varint(chunk); left > 0 && at < end; left--) {
      const nameSize = varint(chunk)
      const name = at
      at += nameSize
      const textSize = varint(chunk)
      if (textSize > 0 && isIdHeader(chunk, name, nameSize))
        to.add(chunk, at, at + textSize, to.count - before)
      at += textSize
    }
    at = end
  }
}

/** Where {@link varint} reads. A variable of the module is several times as fast as a field of a reader. */
let at = 0

/** Behind the end all is 0. */
function varint(bytes: Uint8Array): number {
  let byte = bytes[at++] ?? 0
  if (byte < 128) return byte
  let n = byte & 127
  for (let shift = 7; shift < 35 && byte >= 128; shift += 7) {
    byte = bytes[at++] ?? 0
    n |= (byte & 127) << shift
  }
  return n >>> 0
}

/** Their names by their lengths, which differ. */
const names: (Uint8Array | undefined)[] = []
for (const name of Object.values(idHeaders)) names[name.length] = Buffer.from(name)

/** A loop: a call of the runtime for each header of each event would be most of the work. */
function isIdHeader(chunk: Uint8Array, from: number, size: number): boolean {
  const name = names[size]
  if (name === undefined) return false
  for (let i = 0; i < size; i++) if (name[i] !== chunk[from + i]) return false
  return true
}

/** The bytes that a header with this text has in a chunk. */
export function headerBytes(name: string, text: string): Buffer {
  return Buffer.concat([sizedText(name), sizedText(text)])
}

/** A text with its size in front, as it stands in a chunk. */
export function sizedText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const size: number[] = []
  let left = bytes.length
  for (; left > 127; left >>>= 7) size.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([...size, left]), bytes])
}
