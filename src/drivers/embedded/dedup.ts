import { hash } from 'node:crypto'
import type { DedupKey } from '../../log/index.ts'
import { openRow, sealRow } from './sealed-row.ts'
import {
  DEDUP_TABLES,
  type DedupTable,
  type Place,
  type StorageTransaction,
  type StorageView,
} from './storage.ts'

/** Where the first record with an id stands, and what its payload was. */
export interface KnownId extends Place {
  readonly offset: bigint
  readonly hash: Uint8Array
}

/**
 * The ids of the dedup window, in tables that take turns. An id is written into the table of its time and looked up in
 * all; a table is emptied whole when its turn comes again, so nothing is ever deleted id by id. A turn is a fifth of the
 * window, and there are six tables: whatever the moment, the last window is covered.
 */
export class KnownIds {
  readonly #turnMs: number

  constructor(windowMs: number) {
    this.#turnMs = windowMs / (DEDUP_TABLES.length - 1)
  }

  /**
   * The table of `now`, emptied when its turn has just come. `now` must not run ahead of real time, or ids are
   * forgotten early. Backwards it may go: turns are never taken back.
   */
  table(tx: StorageTransaction, now: number): DedupTable {
    const latest = readTurn(tx)
    const turn = Math.max(latest ?? 0, Math.floor(now / this.#turnMs))
    if (latest !== undefined && turn > latest) {
      // All tables whose turns were passed over while nothing was appended are due as well.
      const passed = Math.min(turn - latest, DEDUP_TABLES.length)
      for (let i = 0; i < passed; i++) tx.clear(tableOf(turn - i))
    }
    if (turn !== latest) writeTurn(tx, turn)
    return tableOf(turn)
  }

  /** `id` is a {@link dedupId}. */
  find(view: StorageView, id: string): KnownId | undefined {
    const key = Buffer.from(id, 'latin1')
    for (const table of DEDUP_TABLES) {
      const row = view.row(table, key)
      if (row !== undefined) return decode(openRow('a known id', key, row))
    }
    return undefined
  }

  add(tx: StorageTransaction, table: DedupTable, id: string, known: KnownId): void {
    const key = Buffer.from(id, 'latin1')
    const body = Buffer.allocUnsafe(16 + known.hash.length)
    body.writeUInt32BE(known.topicId, 0)
    body.writeUInt32BE(known.partition, 4)
    body.writeBigUInt64BE(known.offset, 8)
    body.set(known.hash, 16)
    tx.putRow(table, key, sealRow(key, body))
  }
}

/** What stands for an id: 20 bytes of SHA-256 over its parts, which cannot run into one another. A character is a byte. */
export function dedupId({ scope, source, id }: DedupKey): string {
  return hash('sha256', JSON.stringify([scope, source, id]), 'binary').slice(0, 20)
}

function decode(body: Buffer): KnownId {
  return {
    topicId: body.readUInt32BE(0),
    partition: body.readUInt32BE(4),
    offset: body.readBigUInt64BE(8),
    hash: body.subarray(16),
  }
}

const TURN_KEY = Buffer.from('dedup-turn', 'latin1')

function readTurn(view: StorageView): number | undefined {
  const row = view.row('state', TURN_KEY)
  return row === undefined ? undefined : openRow('the turn of known ids', TURN_KEY, row).readDoubleBE(0)
}

function writeTurn(tx: StorageTransaction, turn: number): void {
  const body = Buffer.allocUnsafe(8)
  body.writeDoubleBE(turn)
  tx.putRow('state', TURN_KEY, sealRow(TURN_KEY, body))
}

function tableOf(turn: number): DedupTable {
  return DEDUP_TABLES[turn % DEDUP_TABLES.length] ?? DEDUP_TABLES[0]
}
