import { HoldfastError } from '../../event/index.ts'

/** Beyond so many headers, and for longer texts, nothing is remembered. */
const MAX_REMEMBERED = { headers: 16, length: 64 }

/** Reads within its bounds, and copies: what it gives keeps nothing of the chunk. */
export class RecordReader {
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

  /** A text that is often the same as the one that is remembered. Records of a topic look alike: it is not made again. */
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

/** `LOG_CORRUPT`. */
export function damaged(detail: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', { detail })
}
