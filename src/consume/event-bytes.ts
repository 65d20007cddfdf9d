import { HoldfastError, type LogRecord, type Offset, type TopicPartition } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import type { Body, LaneLetters } from '../recover/lane/index.ts'
import { ParkedBytes } from './parked-bytes.ts'

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
  readonly #parked: ParkedBytes

  constructor(options: EventBytesOptions) {
    this.#o = options
    this.#parked = new ParkedBytes(options)
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
        return this.#parked.of(offset, body.position)
    }
  }
}
