import type { Position } from '../../event/index.ts'
import type { DedupKey } from '../../log/index.ts'

interface Known {
  readonly hash: Uint8Array
  readonly position: Position
}

/** What one id takes, roughly. */
const ID_OVERHEAD_BYTES = 200

/**
 * The ids of events that were stored, in two generations: each id is known for one to two windows, and the old
 * generation is dropped whole.
 */
export class KnownIds {
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()
  #youngSince = 0
  #bytes = { young: 0, old: 0 }

  get bytes(): number {
    return this.#bytes.young + this.#bytes.old
  }

  /** Forgets what is older than two windows; call before {@link find}. `now` is of the monotonic clock. */
  turn(now: number, windowMs: number): void {
    if (now - this.#youngSince < windowMs) return
    const keep = now - this.#youngSince < 2 * windowMs
    this.#old = keep ? this.#young : new Map()
    this.#bytes = { young: 0, old: keep ? this.#bytes.young : 0 }
    this.#young = new Map()
    this.#youngSince = now
  }

  find(key: DedupKey): { readonly kind: 'duplicate' | 'conflict'; readonly position: Position } | undefined {
    const name = nameOf(key)
    const known = this.#young.get(name) ?? this.#old.get(name)
    if (known === undefined) return undefined
    return { kind: sameBytes(known.hash, key.hash) ? 'duplicate' : 'conflict', position: known.position }
  }

  add(key: DedupKey, position: Position): void {
    const name = nameOf(key)
    this.#young.set(name, { hash: new Uint8Array(key.hash), position })
    this.#bytes.young += name.length * 2 + key.hash.length + ID_OVERHEAD_BYTES
  }
}

/** Unambiguous whatever the parts hold. */
function nameOf({ scope, source, id }: DedupKey): string {
  return JSON.stringify([scope, source, id])
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
