/**
 * Writes what the protocol is made of into one buffer that grows, one after the other. Texts are short and nearly all ASCII:
 * a loop writes them in less time than a call to the runtime takes, and there is no first pass to add up sizes.
 */
export class WireWriter {
  #bytes: Buffer
  #at = 0

  /** `room`: bytes to begin with. */
  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room)
  }

  /** Where it writes next. Whoever goes back writes over what is there. */
  get at(): number {
    return this.#at
  }

  set at(at: number) {
    this.#reserve(at - this.#at)
    this.#at = at
  }

  /** A view of what was written between two places. */
  view(from: number, to: number): Buffer {
    return this.#bytes.subarray(from, to)
  }

  int8(n: number): void {
    this.#reserve(1)
    this.#at = this.#bytes.writeInt8(n, this.#at)
  }

  int16(n: number): void {
    this.#reserve(2)
    this.#at = this.#bytes.writeInt16BE(n, this.#at)
  }

  int32(n: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(n, this.#at)
  }

  uint32(n: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32BE(n, this.#at)
  }

  int64(n: bigint): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigInt64BE(n, this.#at)
  }

  /** Up to 2^53. */
  unsignedVarint(n: number): void {
    this.#reserve(8)
    let left = n
    // Numbers, not 32 bits of them, until 32 bits are enough.
    for (; left > 0x7fff_ffff; left = Math.floor(left / 128)) this.#bytes[this.#at++] = (left % 128) | 128
    for (; left > 127; left >>>= 7) this.#bytes[this.#at++] = (left & 127) | 128
    this.#bytes[this.#at++] = left
  }

  /** Zigzag: small numbers of either sign are short. Up to 2^52. */
  varint(n: number): void {
    this.unsignedVarint(n < 0 ? -2 * n - 1 : 2 * n)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** With its size before it, as records have them. */
  sizedBytes(bytes: Uint8Array | null): void {
    if (bytes === null) return this.varint(-1)
    this.varint(bytes.length)
    this.bytes(bytes)
  }

  /** The same for UTF-8. */
  sizedText(text: string): void {
    // Two bytes of size are kept for it: a text of that many letters needs them, or one of them.
    const room = text.length < 64 ? 1 : 2
    if (text.length < 8_192 && this.#ascii(text, room)) {
      const size = 2 * text.length
      if (room === 2) this.#bytes[this.#at++] = (size & 127) | 128
      this.#bytes[this.#at++] = room === 2 ? size >>> 7 : size
      this.#at += text.length
      return
    }
    const size = Buffer.byteLength(text)
    this.varint(size)
    this.#reserve(size)
    this.#at += this.#bytes.write(text, this.#at)
  }

  /** False when it met something else. */
  #ascii(text: string, room: number): boolean {
    this.#reserve(room + text.length)
    const [bytes, at] = [this.#bytes, this.#at + room]
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

/** What {@link WireWriter.varint} takes for it. */
export function varintBytes(n: number): number {
  let bytes = 1
  for (let left = n < 0 ? -2 * n - 1 : 2 * n; left > 127; left = Math.floor(left / 128)) bytes++
  return bytes
}
