import type { Offset } from '../../event/index.ts'
import { KeyQueue, type Entry } from './key-queue.ts'
import { MinHeap } from './min-heap.ts'
import type { TenantShares } from './tenant-shares.ts'

/** All open entries of a lane: by origin, by key, and by where their latest copies stand. */
export class EntryBook {
  readonly #entries = new Map<Offset, Entry>()
  readonly #queues = new Map<string, KeyQueue>()
  readonly #positions = new MinHeap<Offset, Entry>()
  /** Of round 0 only: those whose offset no applied offset may pass. */
  readonly #origins = new MinHeap<Offset, Entry>()
  /** Taken out of the heap: until its copy is durable, the old place is all there is of an entry. */
  readonly #copying = new Set<Entry>()
  readonly #shares: TenantShares

  constructor(shares: TenantShares) {
    this.#shares = shares
  }

  get size(): number {
    return this.#entries.size
  }

  get copying(): number {
    return this.#copying.size
  }

  get queues(): Iterable<KeyQueue> {
    return this.#queues.values()
  }

  get all(): Iterable<Entry> {
    return this.#entries.values()
  }

  of(origin: Offset): Entry | undefined {
    return this.#entries.get(origin)
  }

  hasQueue(name: string): boolean {
    return this.#queues.has(name)
  }

  queue(name: string): KeyQueue {
    const known = this.#queues.get(name)
    if (known) return known
    const queue = new KeyQueue(name)
    this.#queues.set(name, queue)
    return queue
  }

  /** A key with nothing of it here costs nothing and blocks nothing. */
  forget(queue: KeyQueue): void {
    if (queue.forgettable) this.#queues.delete(queue.name)
  }

  add(entry: Entry): void {
    this.addCounted(entry)
    this.#shares.opened(entry.tenant)
  }

  /** One that counts as its tenant's since its park began. An entry of an older round goes: the new one is the same event. */
  addCounted(entry: Entry): void {
    const old = this.#entries.get(entry.origin)
    const queue = this.queue(entry.queue)
    if (old) {
      queue.remove(old)
      this.#shares.closed(old.tenant)
    }
    this.#entries.set(entry.origin, entry)
    this.#positions.push(entry.position, entry)
    if (entry.round === 0) this.#origins.push(entry.origin, entry)
    queue.insert(entry)
  }

  remove(entry: Entry): void {
    if (this.#entries.get(entry.origin) !== entry) return
    this.#entries.delete(entry.origin)
    this.#shares.closed(entry.tenant)
  }

  /** The open entry that stands lowest, of those that are not being copied. */
  get oldest(): Entry | undefined {
    for (let top = this.#positions.first; top; top = this.#positions.first) {
      if (this.#entries.get(top.value.origin) === top.value) return top.value
      this.#positions.pop()
    }
    return undefined
  }

  /** The lowest event of the topic that is parked for the first time. */
  get firstOrigin(): Offset | undefined {
    for (let top = this.#origins.first; top; top = this.#origins.first) {
      if (this.#entries.get(top.priority) === top.value) return top.priority
      this.#origins.pop()
    }
    return undefined
  }

  /** Takes the oldest for copying. */
  copyOldest(entry: Entry): void {
    this.#positions.pop()
    this.#copying.add(entry)
  }

  copied(entry: Entry, position: Offset): void {
    this.#copying.delete(entry)
    entry.position = position
    this.#positions.push(position, entry)
  }

  /** Where the open entry stands that stands lowest. */
  get lowest(): Offset | undefined {
    let lowest = this.oldest?.position
    for (const { position } of this.#copying) if (lowest === undefined || position < lowest) lowest = position
    return lowest
  }
}
