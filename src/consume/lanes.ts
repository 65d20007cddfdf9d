import type { Offset } from '../event/index.ts'
import type { Task } from './group-context.ts'

/** The key, where events of one key keep their order; else the event's own offset: a lane that nothing else is in. */
export type LaneName = string | Offset

/** Events that run one after another, the oldest first. */
export interface Lane {
  readonly name: LaneName
  readonly tasks: Task[]
}

/**
 * The queues of a partition. A lane is ready when its head may run; whoever takes it keeps it until its head is done.
 * So nothing runs beside it, and nothing is begun for events that have no place to run yet: they are plain records in
 * a list.
 */
export class Lanes {
  readonly #open = new Map<LaneName, Lane>()
  readonly #ready: Lane[] = []

  /** Lanes of which the head may run. */
  get ready(): number {
    return this.#ready.length
  }

  /** The head of the lane that has been ready for the longest time. */
  get head(): Task | undefined {
    return this.#ready[0]?.tasks[0]
  }

  has(name: LaneName): boolean {
    return this.#open.has(name)
  }

  /** Puts an event behind the older ones of its lane. */
  add(name: LaneName, task: Task): void {
    const lane = this.#open.get(name)
    if (lane) {
      lane.tasks.push(task)
      return
    }
    const opened = { name, tasks: [task] }
    this.#open.set(name, opened)
    this.#ready.push(opened)
  }

  /** The lane of {@link head}. */
  take(): Lane | undefined {
    return this.#ready.shift()
  }

  /** Removes the head of a lane that was taken; what follows may run, behind the lanes that have waited longer. */
  headDone(lane: Lane): void {
    lane.tasks.shift()
    if (lane.tasks.length > 0) this.#ready.push(lane)
    else this.#open.delete(lane.name)
  }

  /** Closes a lane that nothing runs in; its events are the caller's. */
  dissolve(lane: Lane): readonly Task[] {
    this.#open.delete(lane.name)
    const at = this.#ready.indexOf(lane)
    if (at !== -1) this.#ready.splice(at, 1)
    return lane.tasks
  }
}
