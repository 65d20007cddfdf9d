import { batchesIn, type Decompress, type RecordBatch } from './record-batch.ts'
import { WireReader } from './wire-reader.ts'

/** What a fetch brought of one partition: all that stands from where it was asked for up to the end of the last batch. */
export interface Fetched {
  /** In the order of their offsets, without those of aborted transactions. The first may begin before what was asked for. */
  readonly batches: readonly RecordBatch[]
  /** After the last batch; undefined when none came. */
  readonly next: bigint | undefined
  /** First offset that is kept. */
  readonly logStart: bigint
  /** Up to which there is something to read: what open transactions hold back does not count. */
  readonly end: bigint
}

/** An error of the broker by its number in the protocol, or damage. */
export type FetchFailure = { readonly errorCode: number } | { readonly error: unknown }

export interface FetchAnswer {
  /** 0 for none. */
  readonly errorCode: number
  /** By `id/partition`, with the id or the name of the topic, as it was asked for. */
  readonly partitions: ReadonlyMap<string, Fetched | FetchFailure>
}

/** From which version on topics go by their ids. */
export const TOPIC_IDS_FROM = 13
const SESSIONS_FROM = 7
const LOG_START_FROM = 5
const REPLICAS_FROM = 11
/** Sizes are unsigned varints, one more than they say, and fields with tags may follow. */
const COMPACT_FROM = 12

/**
 * The answer to a fetch in a version from 4 to 17. The client's own parser makes an object of every record, and of every
 * header of it; here they stay bytes. `fetch-answer.test.ts` compares the two.
 */
export function fetchAnswer(bytes: Buffer, version: number, decompress: Decompress): FetchAnswer {
  const fields = new Fields(bytes, version)
  fields.skip(4) // how long the broker held it back
  const errorCode = version >= SESSIONS_FROM ? fields.int16() : 0
  if (version >= SESSIONS_FROM) fields.skip(4)
  const partitions = new Map<string, Fetched | FetchFailure>()
  for (let topics = fields.count(); topics > 0; topics--) {
    const topic = version >= TOPIC_IDS_FROM ? fields.uuid() : fields.text()
    for (let left = fields.count(); left > 0; left--) {
      const partition = fields.int32()
      partitions.set(`${topic}/${partition}`, partitionIn(fields, version, decompress))
    }
    fields.tags()
  }
  return { errorCode, partitions }
}

interface Aborted {
  readonly producerId: bigint
  readonly first: bigint
}

function partitionIn(fields: Fields, version: number, decompress: Decompress): Fetched | FetchFailure {
  const errorCode = fields.int16()
  const highWatermark = fields.int64()
  const lastStable = fields.int64()
  const logStart = version >= LOG_START_FROM ? fields.int64() : 0n
  const aborted: Aborted[] = []
  for (let left = fields.count(); left > 0; left--) {
    aborted.push({ producerId: fields.int64(), first: fields.int64() })
    fields.tags()
  }
  if (version >= REPLICAS_FROM) fields.skip(4)
  const records = fields.sized()
  fields.tags()
  if (errorCode !== 0) return { errorCode }
  try {
    // A copy: a view would keep the whole answer for as long as a batch of one partition.
    const batches = batchesIn(Buffer.from(records), decompress)
    const end = lastStable >= 0n ? lastStable : highWatermark
    return { batches: committedOf(batches, aborted), next: batches.at(-1)?.next, logStart, end }
  } catch (error) {
    return { error }
  }
}

/** Without the records of transactions that were aborted: a broker sends them, and says whose they are. */
function committedOf(batches: readonly RecordBatch[], aborted: readonly Aborted[]): RecordBatch[] {
  const later = aborted.toSorted((a, b) => (a.first < b.first ? -1 : 1))
  const open = new Set<bigint>()
  return batches.filter(({ next, producerId, isControl, isTransactional }) => {
    while (later[0] !== undefined && later[0].first < next) open.add(later.shift()?.producerId ?? -1n)
    if (isControl) open.delete(producerId)
    return !isControl && !(isTransactional && open.has(producerId))
  })
}

/** What versions write in two ways. */
class Fields extends WireReader {
  readonly #isCompact: boolean

  constructor(bytes: Buffer, version: number) {
    super(bytes)
    this.#isCompact = version >= COMPACT_FROM
  }

  /** Of a list; 0 for null. */
  count(): number {
    return Math.max(0, this.#isCompact ? this.unsignedVarint() - 1 : this.int32())
  }

  /** Bytes with their size before them; none for null. */
  sized(): Buffer {
    return this.take(this.count())
  }

  text(): string {
    return this.take(this.#isCompact ? this.count() : this.int16()).toString()
  }

  /** Nothing in them is wanted. */
  tags(): void {
    if (!this.#isCompact) return
    for (let left = this.unsignedVarint(); left > 0; left--) {
      this.unsignedVarint()
      this.skip(this.unsignedVarint())
    }
  }
}
