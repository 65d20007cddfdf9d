import { offset, type LogRecord, type TopicPartition } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'
import { WireReader } from './wire-reader.ts'

/** Makes bytes what they were before they were compressed; `algorithm` as the protocol numbers them. */
export type Decompress = (algorithm: number, bytes: Buffer) => Buffer

/**
 * A batch of records as brokers keep and send it, in format 2, which is that of every broker since 0.11. It is kept as
 * bytes, and a record is made when it is asked for: who reads one event of thousands pays for one. Where each begins is
 * looked up once.
 *
 * ```text
 * i64 first offset   i32 length of what follows   i32 epoch of the leader   i8 format   u32 crc32c of what follows
 * i16 attributes   i32 last offset delta   i64 first time   i64 latest time   i64 producer   i16 its epoch
 * i32 sequence     i32 count   records, compressed as the attributes say
 * record: length, i8 attributes, time delta, offset delta, key, value, number of headers, (name, text) each
 * ```
 * Sizes and deltas of records are varints; -1 is the size of null.
 */
export class RecordBatch {
  readonly first: bigint
  /** Where to read on. After compaction the last record may stand before it. */
  readonly next: bigint
  readonly producerId: bigint
  readonly isTransactional: boolean
  /** Marks of transactions, and no events. */
  readonly isControl: boolean
  /** What it takes in memory, roughly. */
  readonly bytes: number
  readonly #body: Buffer
  readonly #count: number
  readonly #firstTime: number
  /** Of all its records, where the broker stamps them. */
  readonly #appendTime: number | undefined
  #index: Index | undefined
  /** Of the headers of the record that was made last, by their places. */
  readonly #texts: { readonly start: number; readonly length: number; readonly text: string }[] = []

  /** `bytes`: the whole batch and nothing else. Throws {@link DamagedBatch}, or what `decompress` throws. */
  constructor(bytes: Buffer, decompress: Decompress) {
    const head = new WireReader(bytes)
    this.first = head.int64()
    head.skip(8)
    const format = head.int8()
    if (format !== FORMAT) throw new DamagedBatch(`the batch at ${this.first} has format ${format}`)
    const sum = head.int32() >>> 0
    const found = crc32c(bytes.subarray(CHECKED_FROM))
    if (sum !== found)
      throw new DamagedBatch(`the checksum of the batch at ${this.first} is ${sum}, its bytes have ${found}`)
    const attributes = head.int16()
    this.next = this.first + BigInt(head.int32()) + 1n
    this.#firstTime = Number(head.int64())
    const latest = Number(head.int64())
    this.#appendTime = (attributes & APPEND_TIME) === 0 ? undefined : latest
    this.producerId = head.int64()
    head.skip(6)
    this.#count = head.int32()
    this.isTransactional = (attributes & TRANSACTIONAL) !== 0
    this.isControl = (attributes & CONTROL) !== 0
    const rest = bytes.subarray(head.at)
    const algorithm = attributes & COMPRESSION
    this.#body = algorithm === 0 ? rest : decompress(algorithm, rest)
    this.bytes = this.#body.length + 8 * this.#count + HEAD_BYTES
  }

  get count(): number {
    return this.#count
  }

  /** Which record is the first at or after an offset; {@link count} when there is none. */
  find(from: bigint): number {
    const { deltas } = this.#indexed()
    const delta = Number(from - this.first)
    let [low, high] = [0, deltas.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((deltas[middle] ?? 0) < delta) low = middle + 1
      else high = middle
    }
    return low
  }

  offsetOf(nth: number): bigint {
    return this.first + BigInt(this.#indexed().deltas[nth] ?? 0)
  }

  /** Of one record in the batch, before compression. */
  bytesOf(nth: number): number {
    const { starts } = this.#indexed()
    return (starts[nth + 1] ?? this.#body.length) - (starts[nth] ?? 0)
  }

  record(tp: TopicPartition, nth: number): LogRecord {
    return this.#reading(() => {
      const reader = new WireReader(this.#body, this.#indexed().starts[nth])
      reader.skip(1)
      const time = this.#firstTime + reader.varint()
      const at = this.first + BigInt(reader.varint())
      const key = reader.varint()
      const keyAt = reader.at
      if (key > 0) reader.skip(key)
      const value = reader.varint()
      return {
        ...tp,
        offset: offset(at),
        key: key < 0 ? undefined : this.#body.toString('utf8', keyAt, keyAt + key),
        // A copy: a view would keep the whole batch, and readers share that.
        value: value < 0 ? null : new Uint8Array(reader.take(value)),
        headers: this.#headers(reader),
        timestamp: this.#appendTime ?? time,
      }
    })
  }

  #headers(reader: WireReader): Record<string, string> {
    const headers: Record<string, string> = {}
    const count = reader.varint()
    for (let nth = 0; nth < count; nth++) {
      const name = this.#text(reader, 2 * nth)
      const text = this.#text(reader, 2 * nth + 1)
      if (name === '__proto__') Object.defineProperty(headers, name, { ...PLAIN, value: text })
      else headers[name] = text
    }
    return headers
  }

  /** Names, and many texts, are those of the record before: comparing them is cheaper than making them. */
  #text(reader: WireReader, place: number): string {
    const length = reader.varint()
    if (length <= 0) return ''
    const start = reader.at
    reader.skip(length)
    const last = this.#texts[place]
    if (last?.length === length && isSame(this.#body, last.start, start, length)) return last.text
    const text = this.#body.toString('utf8', start, start + length)
    if (place < MAX_TEXTS) this.#texts[place] = { start, length, text }
    return text
  }

  #indexed(): Index {
    return (this.#index ??= this.#reading(() => {
      const reader = new WireReader(this.#body)
      const [starts, deltas] = [new Int32Array(this.#count), new Int32Array(this.#count)]
      for (let nth = 0; nth < this.#count; nth++) {
        const length = reader.varint()
        const start = (starts[nth] = reader.at)
        reader.skip(1)
        reader.varint()
        deltas[nth] = reader.varint()
        reader.at = start
        reader.skip(length)
      }
      return { starts, deltas }
    }))
  }

  #reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new DamagedBatch(`the batch at ${this.first} is not what its producer meant: ${error.message}`)
    }
  }
}

interface Index {
  /** Where each record begins, after its length. */
  readonly starts: Int32Array
  readonly deltas: Int32Array
}

/** The whole batches at the front of these bytes: a broker may send the beginning of one more. */
export function batchesIn(bytes: Buffer, decompress: Decompress): RecordBatch[] {
  const batches: RecordBatch[] = []
  for (let at = 0; at + LENGTH_ENDS <= bytes.length;) {
    const end = at + LENGTH_ENDS + bytes.readInt32BE(at + LENGTH_ENDS - 4)
    if (end > bytes.length) break
    if (end < at + HEAD_BYTES) throw new DamagedBatch(`a batch of ${end - at} bytes is too short to be one`)
    batches.push(new RecordBatch(bytes.subarray(at, end), decompress))
    at = end
  }
  return batches
}

/** What came is not what a producer sent. */
export class DamagedBatch extends Error {
  /** As a broker says the same. */
  readonly apiId = 'CORRUPT_MESSAGE'
}

function isSame(bytes: Buffer, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

const PLAIN = { configurable: true, enumerable: true, writable: true }
const MAX_TEXTS = 64
const FORMAT = 2
const HEAD_BYTES = 61
const LENGTH_ENDS = 12
const CHECKED_FROM = 21
const COMPRESSION = 0b111
const APPEND_TIME = 0b1000
const TRANSACTIONAL = 0b1_0000
const CONTROL = 0b10_0000
