import { watermark, type Delivery } from '../../src/consume/watermark.ts'
import type { Offset } from '../../src/event/index.ts'

/** The watermark of a topic, with records named by their offsets. */
export class TopicMark {
  readonly #mark: ReturnType<typeof watermark>
  readonly #open = new Map<Offset, Delivery>()

  constructor(start: Offset) {
    this.#mark = watermark(start)
  }

  get commitable(): Offset {
    return this.#mark.commitable
  }

  get unfinished(): number {
    return this.#mark.unfinished
  }

  /** `next`: where the topic is read on. */
  delivered(offset: Offset, next: Offset): void {
    this.#open.set(offset, this.#mark.delivered({ offset, timestamp: 0 }))
    this.#mark.readUpTo(next)
  }

  completed(offset: Offset): void {
    const delivery = this.#open.get(offset)
    if (!delivery) throw new Error(`offset ${offset} was completed twice, or never delivered`)
    this.#open.delete(offset)
    this.#mark.completed(delivery)
  }
}
