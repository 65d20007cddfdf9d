import type { Delivered, KeyQueue } from './key-queue.ts'

export interface BatchSettings {
  readonly max: number
  readonly withinMs: number
}

/** A record of the topic with the queue of its key. */
export interface Row {
  readonly record: Delivered
  readonly queue: KeyQueue
}

/** Records of the topic that wait for a batch, in offset order. One batch runs at a time. */
export class Intake {
  readonly #settings: BatchSettings
  #rows: Row[] = []
  /** When they are taken, however few they are. */
  #due: number | undefined
  /** A batch is under way. */
  running = false

  constructor(settings: BatchSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#rows.length
  }

  /** When time alone makes a batch. */
  get dueAt(): number | undefined {
    return this.running ? undefined : this.#due
  }

  gather(row: Row, now: number): void {
    this.#rows.push(row)
    this.#due ??= now + this.#settings.withinMs
  }

  /** They were in a batch that came to nothing: older than all others, and they have waited. */
  gatherAgain(rows: readonly Row[], now: number): void {
    if (rows.length === 0) return
    this.#rows = [...rows, ...this.#rows]
    this.#due = now
  }

  /**
   * The rows of the next batch; none while it is not time. Of a key only the next ones in a row: one whose key is not
   * free stays, and so does one with an older one before it that is to be tried alone.
   */
  take(now: number): readonly Row[] {
    const { max } = this.#settings
    if (this.running || this.#due === undefined) return []
    if (this.#rows.length < max && now < this.#due) return []
    const batch: Row[] = []
    const left: Row[] = []
    for (const row of this.#rows) {
      if (row.record.gone) continue // parked, or tried alone
      const before = row.queue.taken
      if (batch.length < max && row.queue.frees(row.record) && row.queue.waiting[before] === row.record) {
        batch.push(row)
        row.queue.taken = before + 1
      } else left.push(row)
    }
    this.#rows = left
    this.#due = left.length > 0 ? this.#due : undefined
    for (const { record, queue } of batch) {
      record.gone = true
      if (queue.taken === 0) continue
      queue.waiting.splice(0, queue.taken)
      queue.taken = 0
      queue.running = true
    }
    this.running = batch.length > 0
    return batch
  }
}
