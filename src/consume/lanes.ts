import type { Offset } from '../event/index.ts'
import type { Task } from './group-context.ts'

/** The key, where events of one key keep their order; else the event's own offset: a lane that nothing else is in. */
export type LaneName = string | Offset

/** Events that run one after another. */
export interface Lane {
  readonly name: LaneName
  /** The oldest. */
  head: Task
  /** Behind it, the oldest first. Most lanes have none, and no list for them. */
  followers: Task[] | undefined
}

/**
 * The queues of a partition. A lane is ready when its head may run; whoever takes it keeps it until its head is done.
 * So nothing runs beside it, and nothing is begun for events that have no place to run yet: they are plain records in
 * a list.
 */
export class Lanes {
  readonly #open = new Map<LaneName, Lane>()
  readonly #ready = new Fifo<Lane>()

  /** Lanes of which the head may run. */
  get ready(): number {
    return this.#ready.size
  }

  /** The head of the lane that has been ready for the longest time. */
  get head(): Task | undefined {
    return this.#ready.first?.head
  }

  has(name: LaneName): boolean {
    return this.#open.has(name)
  }

  /** Puts an event behind the older ones of its lane. */
  add(name: LaneName, task: Task): void {
    const lane = this.#open.get(name)
    if (lane) {
      lane.followers ??= []
      lane.followers.push(task)
      return
    }
    const opened: Lane = { name, head: task, followers: undefined }
    this.#open.set(name, opened)
    this.#ready.push(opened)
  }

  /** The lane of {@link head}. */
  take(): Lane | undefined {
    return this.#ready.shift()
  }

  /** Removes the head of a lane that was taken; what follows may run, behind the lanes that have waited longer. */
  headDone(lane: Lane): void {
    const next = lane.followers?.shift()
    if (next) {
      lane.head = next
      this.#ready.push(lane)
    } else this.#open.delete(lane.name)
  }

  /** Closes a lane that was taken; what follows its head is the caller's. */
  dissolve(lane: Lane): readonly Task[] {
    this.#open.delete(lane.name)
    return lane.followers ?? []
  }
}

/** A queue in an array of which the front moves: `shift` of an array costs more than all the rest of a lane. */
class Fifo<T> {
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
