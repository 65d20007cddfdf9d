import { offset, partitionId, type Offset, type Position } from '../../event/index.ts'

/** What is known of an event that is set aside, without reading it. */
export interface SetAsideEntry {
  /** Which topic it is for. */
  readonly topic: string
  /** When it was set aside, milliseconds since 1970. */
  readonly since: number
  /** Its place in its lane, which its receipt names. */
  readonly from: Position | undefined
}

/** Which events. Without ids: all; of one topic, where one is named. */
export interface SetAsideSelection {
  readonly ids?: readonly string[] | undefined
  readonly topic?: string | undefined
}

export interface SetAsideStatus {
  readonly events: number
  /** When the oldest was set aside, milliseconds since 1970; undefined without any. */
  readonly since: number | undefined
  readonly topics: readonly { readonly topic: string; readonly events: number }[]
}

/**
 * The events that are set aside, in the order in which they were. What was decided of one, sent or discarded, may leave
 * a gap, so the cursor stands at the oldest of which nothing was decided.
 */
export class SetAsideBook {
  readonly #open = new Map<Offset, SetAsideEntry>()
  readonly #places = new Map<string, Offset>()
  readonly #counts = new Map<string, number>()
  #end: Offset

  constructor(end: Offset) {
    this.#end = end
  }

  /** In the order of offsets, or the cursor would pass one by. */
  kept(at: Offset, entry: SetAsideEntry): void {
    this.#open.set(at, entry)
    if (entry.from) this.#places.set(placeOf(entry.from), at)
    this.#counts.set(entry.topic, this.countOf(entry.topic) + 1)
    if (at >= this.#end) this.#end = offset(at + 1n)
  }

  settled(offsets: readonly Offset[]): void {
    for (const at of offsets) {
      const entry = this.#open.get(at)
      if (!entry) continue
      this.#open.delete(at)
      const { from, topic } = entry
      if (from && this.#places.get(placeOf(from)) === at) this.#places.delete(placeOf(from))
      const left = this.countOf(topic) - 1
      if (left > 0) this.#counts.set(topic, left)
      else this.#counts.delete(topic)
    }
  }

  /** Nothing before it is needed any more, once these are settled. */
  cursorWithout(offsets: readonly Offset[]): Offset {
    const gone = new Set(offsets)
    for (const at of this.#open.keys()) if (!gone.has(at)) return at
    return this.#end
  }

  countOf(topic: string): number {
    return this.#counts.get(topic) ?? 0
  }

  entry(at: Offset): SetAsideEntry | undefined {
    return this.#open.get(at)
  }

  at(from: Position): Offset | undefined {
    return this.#places.get(placeOf(from))
  }

  /** The oldest first. */
  selected({ ids, topic }: SetAsideSelection): readonly Offset[] {
    const named = ids && new Set(ids)
    return [...this.#open].flatMap(([at, entry]) =>
      (named === undefined || named.has(setAsideId(at))) && (topic === undefined || topic === entry.topic)
        ? [at]
        : [],
    )
  }

  status(): SetAsideStatus {
    const [oldest] = this.#open.values()
    return {
      events: this.#open.size,
      since: oldest?.since,
      topics: [...this.#counts].map(([topic, events]) => ({ topic, events })),
    }
  }
}

/** What an event that is set aside is called. */
export function setAsideId(at: Offset): string {
  return `sa_${at}`
}

/** Undefined for what names none. */
export function setAsideOffset(id: string | undefined): Offset | undefined {
  const [, digits] = /^sa_(\d{1,19})$/.exec(id ?? '') ?? []
  return digits === undefined ? undefined : offset(digits)
}

function placeOf(at: Position): string {
  return `${partitionId(at)}/${at.offset}`
}
