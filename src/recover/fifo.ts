/** A queue in an array of which the front moves: `shift` of an array costs more than all the rest of a run. */
export class Fifo<T> {
  readonly #items: (T | undefined)[] = []
  #front = 0

  get size(): number {
    return this.#items.length - this.#front
  }

  get first(): T | undefined {
    return this.#items[this.#front]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#front === this.#items.length) return undefined
    const item = this.#items[this.#front]
    this.#items[this.#front++] = undefined
    if (this.#front === this.#items.length) this.#front = this.#items.length = 0
    else if (this.#front === CUT_AT) {
      this.#items.splice(0, CUT_AT)
      this.#front = 0
    }
    return item
  }
}

/** Empty places at the front, at which they are cut off. */
const CUT_AT = 1_024
