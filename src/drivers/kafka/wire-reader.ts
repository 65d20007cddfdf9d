/** Reads what the protocol is made of from bytes, one after the other. Throws `RangeError` past their end. */
export class WireReader {
  readonly bytes: Buffer
  /** Where it reads next. */
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  int8(): number {
    return this.bytes.readInt8(this.#step(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#step(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#step(4))
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.#step(8))
  }

  /** As the client writes ids of topics. */
  uuid(): string {
    const hex = this.take(16).toString('hex')
    return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join('-')
  }

  unsignedVarint(): number {
    // A number, not 32 bits of it: with every byte the rest counts 128 times as much.
    let [value, factor] = [0, 1]
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.bytes[this.#step(1)] ?? past(this.at)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 0x80
    }
    throw new RangeError(`no varint at ${this.at}`)
  }

  /** Zigzag: small numbers of either sign are short. Exact up to 2^53. */
  varint(): number {
    const value = this.unsignedVarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A view of so many bytes. */
  take(length: number): Buffer {
    if (length < 0 || this.at + length > this.bytes.length) past(this.at + length)
    return this.bytes.subarray(this.at, (this.at += length))
  }

  skip(length: number): void {
    if (length < 0 || this.at + length > this.bytes.length) past(this.at + length)
    this.at += length
  }

  #step(length: number): number {
    const at = this.at
    this.at += length
    return at
  }
}

const MAX_VARINT_BYTES = 10

function past(at: number): never {
  throw new RangeError(`the bytes end before ${at}`)
}
