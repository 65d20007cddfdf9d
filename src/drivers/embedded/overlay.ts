import type { Place, StorageTransaction, StorageView, Table } from './storage.ts'

export type Write =
  | { readonly kind: 'put-chunk'; readonly place: Place; readonly base: bigint; readonly bytes: Uint8Array }
  | { readonly kind: 'delete-chunk'; readonly place: Place; readonly base: bigint }
  | { readonly kind: 'put-row'; readonly table: Table; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete-row'; readonly table: Table; readonly key: Uint8Array }
  | { readonly kind: 'clear'; readonly table: Table }

type RowWrite = Extract<Write, { kind: 'put-row' | 'delete-row' }>

/**
 * Keeps the writes of one transaction until its function has returned, so that a throw leaves nothing behind and
 * several functions may share one commit. Rows written before are seen by reads after.
 */
export class Overlay implements StorageTransaction {
  readonly #under: StorageView
  readonly #cleared: Write[] = []
  readonly #chunks: Write[] = []
  readonly #rows = new Map<Table, Map<string, RowWrite>>()

  constructor(under: StorageView) {
    this.#under = under
  }

  writes(): readonly Write[] {
    return [
      ...this.#cleared,
      ...this.#chunks,
      ...[...this.#rows.values()].flatMap(rows => [...rows.values()]),
    ]
  }

  chunkAt: StorageView['chunkAt'] = (place, at) => this.#under.chunkAt(place, at)
  chunks: StorageView['chunks'] = (place, from) => this.#under.chunks(place, from)
  visitChunks: StorageView['visitChunks'] = (place, from, visit) =>
    this.#under.visitChunks(place, from, visit)
  rowCount: StorageView['rowCount'] = table => this.#under.rowCount(table)

  row(table: Table, key: Uint8Array): Uint8Array | undefined {
    const write = this.#rows.get(table)?.get(hex(key))
    if (write === undefined) return this.#under.row(table, key)
    return write.kind === 'put-row' ? write.value : undefined
  }

  rows(table: Table, prefix: Uint8Array): readonly (readonly [Uint8Array, Uint8Array])[] {
    const written = this.#rows.get(table)
    const merged = new Map<string, readonly [Uint8Array, Uint8Array]>()
    for (const entry of this.#under.rows(table, prefix)) merged.set(hex(entry[0]), entry)
    const start = hex(prefix)
    for (const [id, write] of written ?? []) {
      if (!id.startsWith(start)) continue
      if (write.kind === 'put-row') merged.set(id, [write.key, write.value])
      else merged.delete(id)
    }
    return [...merged].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry)
  }

  putChunk(place: Place, base: bigint, bytes: Uint8Array): void {
    this.#chunks.push({ kind: 'put-chunk', place, base, bytes })
  }

  deleteChunk(place: Place, base: bigint): void {
    this.#chunks.push({ kind: 'delete-chunk', place, base })
  }

  putRow(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#write({ kind: 'put-row', table, key, value })
  }

  deleteRow(table: Table, key: Uint8Array): void {
    this.#write({ kind: 'delete-row', table, key })
  }

  clear(table: Table): void {
    this.#cleared.push({ kind: 'clear', table })
  }

  #write(write: RowWrite): void {
    let rows = this.#rows.get(write.table)
    if (rows === undefined) this.#rows.set(write.table, (rows = new Map()))
    rows.set(hex(write.key), write)
  }
}

/** Keys as strings that sort like their bytes. */
function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
