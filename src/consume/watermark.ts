import { HoldfastError, type LogRecord, type Offset } from '../event/index.ts'

/**
 * The only code that computes a commit. One for each (group, partition, epoch): it knows which delivered records have
 * no durable outcome yet, and so up to where everything is done.
 *
 * Offsets may have gaps, so "next" is what the log said and never an offset plus one.
 */
export interface Watermark {
  /** A record was handed to the pipeline. Offsets only grow. */
  delivered(record: Pick<LogRecord, 'offset' | 'timestamp'>): Delivery
  /** The log was read up to here: records below `next` that were not delivered do not exist. */
  readUpTo(next: Offset): void
  /** The record has its durable outcome: done, dead or skipped. */
  completed(delivery: Delivery): void
  /** The position to commit: the first record without an outcome, else where the log is read on. */
  readonly commitable: Offset
  /** Records without an outcome. */
  readonly unfinished: number
  /** Records delivered from the first one without an outcome on: what a crash now would deliver again at most. */
  readonly span: number
  /** When the first record without an outcome was appended. */
  readonly oldestTime: number | undefined
}

/** A delivered record. Nothing of its content: it is kept until all before it are done. */
export interface Delivery {
  readonly offset: Offset
  readonly timestamp: number
  /** For the watermark alone to write. */
  completed: boolean
}

export function watermark(start: Offset): Watermark {
  /** In offset order; those before `first` are done, and forgotten now and then. */
  let deliveries: Delivery[] = []
  let first = 0
  let unfinished = 0
  let next = start
  let last = start - 1n
  const forgetDone = (): void => {
    while (deliveries[first]?.completed) first += 1
    if (first < FORGET_AT || first < deliveries.length / 2) return
    deliveries = deliveries.slice(first)
    first = 0
  }
  return {
    delivered({ offset, timestamp }) {
      if (offset <= last) throw broken(`offset ${offset} was delivered after ${last}`)
      last = offset
      next = offset // the log has nothing between what was read before and this record
      const delivery = { offset, timestamp, completed: false }
      deliveries.push(delivery)
      unfinished += 1
      return delivery
    },
    readUpTo(position) {
      if (position < next || position <= last)
        throw broken(`read on at ${position}, after ${next} and record ${last}`)
      next = position
    },
    completed(delivery) {
      if (delivery.completed) throw broken(`offset ${delivery.offset} was completed twice`)
      delivery.completed = true
      unfinished -= 1
      forgetDone()
    },
    get commitable() {
      return deliveries[first]?.offset ?? next
    },
    get unfinished() {
      return unfinished
    },
    get span() {
      return deliveries.length - first
    },
    get oldestTime() {
      return deliveries[first]?.timestamp
    },
  }
}

/** Done deliveries at the front, from which on they are cut off: rarely, so that it costs nothing for each event. */
const FORGET_AT = 256

function broken(detail: string): HoldfastError {
  return new HoldfastError('INTERNAL', { detail: `watermark: ${detail}` })
}
