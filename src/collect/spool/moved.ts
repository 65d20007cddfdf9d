import { partitionId, type Position } from '../../event/index.ts'

/** Where the newest of those stand that left the spool, for their receipts. */
export class Moved {
  readonly #positions = new Map<string, Position>()

  add(from: Position, to: Position): void {
    this.#positions.set(nameOf(from), to)
    if (this.#positions.size <= MAX_MOVED) return
    const [oldest] = this.#positions.keys()
    if (oldest !== undefined) this.#positions.delete(oldest)
  }

  get(from: Position): Position | undefined {
    return this.#positions.get(nameOf(from))
  }
}

const MAX_MOVED = 50_000

function nameOf(at: Position): string {
  return `${partitionId(at)}/${at.offset}`
}
