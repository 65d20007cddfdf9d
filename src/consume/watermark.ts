import { HoldfastError, type Offset } from '../event/index.ts'

/**
 * The only code that computes a commit. One for each (group, partition, epoch): it knows which delivered records have
 * no durable outcome yet, and so up to where everything is done.
 *
 * Offsets may have gaps, so "next" is what the log said and never an offset plus one.
 */
export interface Watermark {
  /** A record was handed to the pipeline. Offsets only grow. */
  delivered(offset: Offset): void
  /** The log was read up to here: records below `next` that were not delivered do not exist. */
  readUpTo(next: Offset): void
  /** The record has its durable outcome: done, dead or skipped. */
  completed(offset: Offset): void
  /** The position to commit: the first record without an outcome, else where the log is read on. */
  readonly commitable: Offset
  /** Records without an outcome. */
  readonly unfinished: number
  /** Records delivered from the first one without an outcome on: what a crash now would deliver again at most. */
  readonly span: number
}

export function watermark(start: Offset): Watermark {
  /** Offset → how many were delivered before it. Insertion order is offset order, so the first entry is the smallest. */
  const open = new Map<Offset, number>()
  let next = start
  let deliveries = 0
  let last = start - 1n
  return {
    delivered(offset) {
      if (offset <= last) throw broken(`offset ${offset} was delivered after ${last}`)
      last = offset
      open.set(offset, deliveries++)
    },
    readUpTo(position) {
      if (position < next || position <= last)
        throw broken(`read on at ${position}, after ${next} and record ${last}`)
      next = position
    },
    completed(offset) {
      if (!open.delete(offset)) throw broken(`offset ${offset} was completed twice, or never delivered`)
    },
    get commitable() {
      const first = open.keys().next()
      return first.done ? next : first.value
    },
    get unfinished() {
      return open.size
    },
    get span() {
      const first = open.values().next()
      return first.done ? 0 : deliveries - first.value
    },
  }
}

function broken(detail: string): HoldfastError {
  return new HoldfastError('INTERNAL', { detail: `watermark: ${detail}` })
}
