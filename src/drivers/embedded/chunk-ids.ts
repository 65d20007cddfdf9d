import { idHeaders } from '../../event/index.ts'
import { ByteReader, HEAD_BYTES } from './chunk.ts'
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
 * Adds the ids in the headers of each record, one that a record has twice once. Nothing is decoded: it is a tenth of the
 * work, and this looks at every event. Throws `LOG_CORRUPT` for what is no chunk.
 */
export function addIds(bytes: Uint8Array, to: IdHashes): void {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader = new ByteReader(chunk, HEAD_BYTES, chunk.length)
  while (reader.at < chunk.length) {
    const size = reader.varint()
    const end = reader.at + size
    reader.skip(Math.max(0, reader.varint() - 1)) // the key
    reader.skip(Math.max(0, reader.varint() - 1)) // the value
    const before = to.count
    for (let left = reader.varint(); left > 0; left--) {
      const nameSize = reader.varint()
      const name = reader.skip(nameSize)
      const textSize = reader.varint()
      const text = reader.skip(textSize)
      if (textSize > 0 && isIdHeader(chunk, name, nameSize))
        to.add(chunk, text, text + textSize, to.count - before)
    }
    reader.at = end
  }
}

const names = Object.values(idHeaders).map(name => Buffer.from(name))

/** A loop: a call of the runtime for each header of each event would be most of the work. */
function isIdHeader(chunk: Buffer, at: number, size: number): boolean {
  for (const name of names) {
    if (name.length !== size) continue
    let same = 0
    while (same < size && name[same] === chunk[at + same]) same++
    if (same === size) return true
  }
  return false
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
