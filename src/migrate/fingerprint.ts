import { createHash, type Hash } from 'node:crypto'
import type { LogRecord } from '../event/index.ts'

/**
 * What is compared of a record, as text: offset, time, key, headers by name, and the length of the value, null for a
 * tombstone. With the value behind it no two records read the same.
 */
export function fingerprint({ offset, timestamp, key, headers, value }: LogRecord): string {
  const named = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${JSON.stringify([String(offset), timestamp, key ?? null, named, value?.length ?? null])}\n`
}

export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0
}

/** SHA-256 over the fingerprints of records with their values, in order, and how many there were. */
export class RunningHash {
  readonly #hash: Hash = createHash('sha256')
  #count = 0

  add(text: string, value: Uint8Array | null): void {
    this.#hash.update(text)
    if (value !== null) this.#hash.update(value)
    this.#count++
  }

  soFar(): { readonly count: number; readonly sha256: string } {
    return { count: this.#count, sha256: this.#hash.copy().digest('hex') }
  }
}
