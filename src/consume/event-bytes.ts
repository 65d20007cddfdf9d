import { HoldfastError, type LogRecord, type Offset, type TopicPartition } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { decodeLaneRecord, type Body, type LaneLetters } from '../recover/lane/index.ts'

const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }

export interface EventBytesOptions {
  readonly log: Log
  readonly origin: TopicPartition
  readonly lane: TopicPartition
  readonly letters: LaneLetters
  /** Of the topic, those that are not settled. */
  readonly open: ReadonlyMap<Offset, { readonly record: LogRecord }>
  readonly signal: AbortSignal
}

/** Events as their topic had them. Bytes are read when they are needed: the lane's machine holds none. */
export class EventBytes {
  readonly #o: EventBytesOptions

  constructor(options: EventBytesOptions) {
    this.#o = options
  }

  async of(offset: Offset, body: Body): Promise<LogRecord> {
    const { open, letters } = this.#o
    switch (body.from) {
      case 'topic': {
        const found = open.get(body.offset)
        if (!found)
          throw new HoldfastError('INTERNAL', { detail: `record ${body.offset} is settled already` })
        return found.record
      }
      case 'letter':
        return letters.event(body.origin)
      case 'lane':
        return this.#parked(offset, body.position)
    }
  }

  async #parked(offset: Offset, position: Offset): Promise<LogRecord> {
    const { log, lane, origin, signal } = this.#o
    const { records } = await log.read({ ...lane, offset: position }, ONE, signal)
    const parked = records[0] && decodeLaneRecord(records[0])
    if (parked?.kind !== 'park' || parked.origin !== offset) {
      // A log that closes, or an owner that is over, reads nothing; that is no damage.
      signal.throwIfAborted()
      throw new HoldfastError('LOG_CORRUPT', {
        detail: `event ${offset} is not where the retry lane has it (${lane.topic}/${lane.partition} offset ${position})`,
      })
    }
    const { key, headers, value, time } = parked.event
    return { ...origin, offset, key, headers, value, timestamp: time }
  }
}
