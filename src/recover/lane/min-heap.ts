/** Values by growing priority. What is no longer wanted is left in it and recognised when it comes out. */
export class MinHeap<Priority extends bigint | number, Value> {
  readonly #items: { readonly priority: Priority; readonly value: Value }[] = []

  get first(): { readonly priority: Priority; readonly value: Value } | undefined {
    return this.#items[0]
  }

  push(priority: Priority, value: Value): void {
    const items = this.#items
    const item = { priority, value }
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]
      if (!above || above.priority <= priority) break
      items[at] = above
      items[parent] = item
      at = parent
    }
  }

  pop(): Value | undefined {
    const items = this.#items
    const [top] = items
    const last = items.pop()
    if (top && last && items.length > 0) this.#sink(last)
    return top?.value
  }

  #sink(item: { readonly priority: Priority; readonly value: Value }): void {
    const items = this.#items
    let at = 0
    for (;;) {
      const left = items[2 * at + 1]
      const right = items[2 * at + 2]
      const goRight = left && right && right.priority < left.priority
      const child = goRight ? right : left
      if (!child || child.priority >= item.priority) break
      items[at] = child
      at = 2 * at + (goRight ? 2 : 1)
    }
    items[at] = item
  }
}
