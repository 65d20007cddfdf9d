import type { Clock } from '../event/index.ts'

/**
 * Many short waits of one length with one timer: nearly all are over long before their deadline, and a timer for each
 * would cost more than what it guards.
 */
export interface Deadlines {
  /** Calls `late` once when `ms` have passed, at most a quarter later, unless the wait was ended before. */
  start(late: () => void): Wait
  /** Forgets all of them. */
  close(): void
}

export interface Wait {
  /** It is over in time. The second call does nothing. */
  end(): void
}

export function deadlines(ms: number, clock: Clock): Deadlines {
  const waits = new Ring()
  const everyMs = Math.max(1, Math.ceil(ms / 4))
  let disarm: (() => void) | undefined
  const look = (): void => {
    const now = clock.monotonic()
    for (let first = waits.first(); first !== undefined && first.at <= now; first = waits.first()) {
      first.end()
      first.late()
    }
    disarm = waits.first() === undefined ? undefined : clock.after(everyMs, look)
  }
  return {
    start(late) {
      const wait = waits.add(clock.monotonic() + ms, late)
      disarm ??= clock.after(everyMs, look)
      return wait
    },
    close() {
      for (let first = waits.first(); first !== undefined; first = waits.first()) first.end()
      disarm?.()
      disarm = undefined
    },
  }
}

/**
 * Waits in order of their deadlines, because all are of one length. Not a Set: one that is added to and deleted from
 * all the time is built anew again and again, each old table holds on to the next one, and through them the garbage
 * collector keeps every request that ever waited until it looks at everything.
 */
class Ring {
  readonly #head: Link

  constructor() {
    this.#head = new Link(Number.POSITIVE_INFINITY, () => {})
  }

  first(): Link | undefined {
    return this.#head.next === this.#head ? undefined : this.#head.next
  }

  add(at: number, late: () => void): Link {
    const link = new Link(at, late)
    link.previous = this.#head.previous
    link.next = this.#head
    link.previous.next = link
    this.#head.previous = link
    return link
  }
}

class Link implements Wait {
  readonly at: number
  readonly late: () => void
  previous: Link = this
  next: Link = this

  constructor(at: number, late: () => void) {
    this.at = at
    this.late = late
  }

  end(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this.next = this
  }
}
