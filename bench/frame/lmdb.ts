import { createRequire } from 'node:module'

/** As much of the package `lmdb` as the limits use. */
interface BareLmdb {
  table(name: string): BareTable
  transaction(fn: () => void): Promise<unknown>
}

interface BareTable {
  get(key: Buffer): Buffer | undefined
  putSync(key: Buffer, value: Buffer): void
}

interface Root {
  openDB(name: string, options: typeof ENCODING): BareTable
  transaction(fn: () => void): Promise<unknown>
}

const ENCODING = { encoding: 'binary', keyEncoding: 'binary' } as const

/** As durable as the embedded log is: a transaction resolves when it was synced, and is seen by nobody before. */
export function openLmdb(path: string): BareLmdb {
  // By `require`, because the declarations that the package gives to `import` do not compile.
  const lmdb = createRequire(import.meta.url)('lmdb') as { open(options: unknown): Root }
  const safe = { overlappingSync: false, eventTurnBatching: false }
  const root = lmdb.open({ path, noSubdir: true, mapSize: 64 * 1024 ** 3, ...ENCODING, ...safe })
  return {
    table: name => root.openDB(name, ENCODING),
    transaction: fn => root.transaction(fn),
  }
}
