import { compressionsAlgorithms, crc32c, createRecord, Writer } from '@platformatic/kafka'
import type { Decompress } from '../../src/drivers/kafka/record-batch.ts'

export interface BatchOptions {
  readonly attributes?: number
  /** Above the last record where compaction took it. */
  readonly lastDelta?: number
  readonly producerId?: bigint
  readonly compression?: 'gzip' | 'snappy' | 'lz4' | undefined
  readonly key?: string | undefined
  /** Undefined is null on the wire. */
  readonly value?: string | undefined
  /** Of every record, or of the one at an offset behind the first. */
  readonly headers?: Headers | ((delta: number) => Headers)
}

type Headers = readonly (readonly [string, string])[]

export const FIRST_TIME = 1_000
export const LATEST_TIME = 9_000

/** A batch as a broker sends it, made by the client package: a record at each of these offsets behind the first. */
export function batchBytes(first: bigint, deltas: readonly number[], options: BatchOptions = {}): Buffer {
  const { key, headers = [], compression } = options
  const value = 'value' in options ? options.value : 'v'
  const bytesOf = (text: string | undefined): Buffer | undefined =>
    text === undefined ? undefined : Buffer.from(text)
  const records = deltas.map(delta => {
    const timestamp = BigInt(FIRST_TIME + delta)
    const own = typeof headers === 'function' ? headers(delta) : headers
    const encoded = new Map(own.map(([name, text]) => [Buffer.from(name), Buffer.from(text)]))
    const message = { topic: '', key: bytesOf(key), value: bytesOf(value), headers: encoded, timestamp }
    return createRecord(message as never, delta, BigInt(FIRST_TIME)).buffer
  })
  const algorithm = compressionsAlgorithms[compression ?? 'none']
  const body = algorithm.compressSync(Buffer.concat(records))
  const checked = Writer.create()
    .appendInt16((options.attributes ?? 0) | algorithm.bitmask)
    .appendInt32(options.lastDelta ?? Math.max(...deltas))
    .appendInt64(BigInt(FIRST_TIME))
    .appendInt64(BigInt(LATEST_TIME))
    .appendInt64(options.producerId ?? -1n)
    .appendInt16(-1)
    .appendInt32(-1)
    .appendInt32(deltas.length).buffer
  const rest = Buffer.concat([checked, body])
  const head = Writer.create()
    .appendInt64(first)
    .appendInt32(rest.length + 9)
    .appendInt32(0)
    .appendInt8(2)
    .appendUnsignedInt32(crc32c(rest)).buffer
  return Buffer.concat([head, rest])
}

/** As `link.ts` does it. */
export const decompress: Decompress = (algorithm, bytes) => {
  const known = Object.values(compressionsAlgorithms).find(({ bitmask }) => bitmask === algorithm)
  if (known === undefined) throw new Error(`no compression ${algorithm}`)
  return known.decompressSync(bytes)
}
