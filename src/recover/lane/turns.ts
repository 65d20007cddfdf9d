import type { Entry } from './key-queue.ts'

/**
 * Which entries run at once. Few, since all that have begun when the process dies are under suspicion; and one that is
 * under suspicion runs alone, so that after the next death the innocent are known.
 */
export class Turns {
  readonly #max: number
  readonly #line: Entry[] = []
  readonly #running = new Set<Entry>()

  constructor(max: number) {
    this.#max = max
  }

  get idle(): boolean {
    return this.#running.size === 0
  }

  queue(entry: Entry): void {
    this.#line.push(entry)
  }

  /** The next one that may begin now, if any. It may no longer want to. */
  next(): Entry | undefined {
    const [first] = this.#line
    if (!first) return undefined
    const suspected = [...this.#running].some(suspect)
    if (suspected || this.#running.size >= (suspect(first) ? 1 : this.#max)) return undefined
    return this.#line.shift()
  }

  began(entry: Entry): void {
    this.#running.add(entry)
  }

  ended(entry: Entry): void {
    this.#running.delete(entry)
  }
}

function suspect(entry: Entry): boolean {
  return entry.state.deaths > 0
}
