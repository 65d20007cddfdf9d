import { Fifo } from './fifo.ts'

/**
 * A queue in which tenants take turns: one that has queued a thousand things keeps each other one waiting for one thing
 * at most. What is of no tenant counts as one.
 */
export class FairQueue<T> {
  /** Those that have something here, the one whose turn it is first. */
  readonly #tenants = new Map<string | undefined, Fifo<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** How many have something here. */
  get tenants(): number {
    return this.#tenants.size
  }

  get first(): T | undefined {
    for (const items of this.#tenants.values()) return items.first
    return undefined
  }

  push(item: T, tenant: string | undefined): void {
    const known = this.#tenants.get(tenant)
    const items = known ?? new Fifo<T>()
    if (!known) this.#tenants.set(tenant, items)
    items.push(item)
    this.#size += 1
  }

  shift(): T | undefined {
    for (const [tenant, items] of this.#tenants) {
      const item = items.shift()
      this.#size -= 1
      if (items.size === 0) this.#tenants.delete(tenant)
      else if (this.#tenants.size > 1) {
        this.#tenants.delete(tenant)
        this.#tenants.set(tenant, items) // behind the others
      }
      return item
    }
    return undefined
  }
}
