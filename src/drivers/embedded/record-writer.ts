/** One record of many bytes is no reason to hold as many for ever. */
const KEPT_BYTES = 64 * 1024

/**
 * Writes one record after the other into one buffer, and hands out copies. Texts are short and nearly all ASCII: a loop
 * writes them in less time than a call to the runtime takes, and there is no first pass to add up sizes.
 */
export class RecordWriter {
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
