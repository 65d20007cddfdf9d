/**
 * What may be in a set of texts, in 12 bits for each: a Bloom filter. It never denies what was put in; of what was not, it
 * takes about 3 in 1,000 for put in.
 */
export class IdFilter {
  readonly #bits: Uint8Array

  constructor(bits: Uint8Array) {
    this.#bits = bits
  }

  static of(hashes: IdHashes): IdFilter {
    const bits = new Uint8Array(Math.max(8, Math.ceil((hashes.count * BITS_EACH) / 8)))
    const size = bits.length * 8
    for (let n = 0; n < hashes.count; n++) {
      const step = hashes.second(n) | 1
      let at = hashes.first(n)
      for (let i = 0; i < PROBES; i++) {
        const bit = bitOf(at, size)
        bits[bit >>> 3] = (bits[bit >>> 3] ?? 0) | (1 << (bit & 7))
        at += step
      }
    }
    return new IdFilter(bits)
  }

  get bytes(): Uint8Array {
    return this.#bits
  }

  mayHold({ first, second }: IdHash): boolean {
    const size = this.#bits.length * 8
    const step = second | 1
    let at = first
    for (let i = 0; i < PROBES; i++) {
      const bit = bitOf(at, size)
      if (((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false
      at += step
    }
    return true
  }
}

/** A number of 32 bits spread over `size`, without a division. */
function bitOf(hash: number, size: number): number {
  return Math.floor(((hash >>> 0) / 0x1_0000_0000) * size)
}

const BITS_EACH = 12
const PROBES = 8

/** Two independent hashes of 32 bits. Not against malice: whoever makes ids collide makes only their own slower to find. */
export interface IdHash {
  readonly first: number
  readonly second: number
}

/** Hashes in the order in which they were added, in two plain arrays: there are tens of thousands. */
export class IdHashes {
  #first = new Uint32Array(1_024)
  #second = new Uint32Array(1_024)
  count = 0

  /** The hash of `bytes[from…to]`; nothing when it is one of the last `lookBack`. */
  add(bytes: Uint8Array, from: number, to: number, lookBack: number): void {
    if (this.count === this.#first.length) {
      this.#first = larger(this.#first)
      this.#second = larger(this.#second)
    }
    mix(bytes, from, to)
    const { count } = this
    for (let n = count - lookBack; n < count; n++)
      if (this.#first[n] === mixed.first && this.#second[n] === mixed.second) return
    this.#first[count] = mixed.first
    this.#second[count] = mixed.second
    this.count = count + 1
  }

  first(n: number): number {
    return this.#first[n] ?? 0
  }

  second(n: number): number {
    return this.#second[n] ?? 0
  }
}

export function hashOfId(id: string): IdHash {
  const bytes = Buffer.from(id)
  mix(bytes, 0, bytes.length)
  return { ...mixed }
}

/** What {@link mix} has found last: an object for each id of each event would be most of the work. */
const mixed = { first: 0, second: 0 }

/** The steps of MurmurHash3 over single bytes, twice: ids are short, and most are read where they stand in a chunk. */
function mix(bytes: Uint8Array, from: number, to: number): void {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0
    a = Math.imul(a ^ byte, 0xcc9e2d51)
    a = (a << 13) | (a >>> 19)
    b = Math.imul(b ^ byte, 0x1b873593)
    b = (b << 15) | (b >>> 17)
  }
  mixed.first = finished(a ^ (to - from))
  mixed.second = finished(b ^ (to - from))
}

function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function larger(hashes: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(hashes.length * 2)
  copy.set(hashes)
  return copy
}
