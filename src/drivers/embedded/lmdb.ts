import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { HoldfastError } from '../../event/index.ts'
import { endingWithExit } from './exit-within-commit.ts'
import { putRight } from './last-number.ts'
import { DEDUP_TABLES, type Table } from './storage.ts'
import { inTurn } from './turns.ts'

/** The few calls of the package `lmdb` that are made here, and the rules for making them. */
export interface Lmdb {
  readonly chunks: LmdbDatabase
  table(table: Table): LmdbDatabase
  transaction(fn: () => void): Promise<unknown>
  /** Makes the next read see the newest state. Within a transaction nothing changes. */
  refresh(): void
  /** What stands behind the error of a failed commit. */
  causeOf(error: unknown): Promise<unknown>
  /** Numbers grow by one with each transaction that changed something, of any process. */
  lastTransaction(): number
  /** The number of the transaction under way. */
  thisTransaction(): number
  /** Where the last page of the file ends. */
  endBytes(): number
  usage(): { readonly usedBytes: number; readonly endBytes: number }
  /** Writes the state of one moment to a new file, while others write. `compact`: without free pages. Not synced. */
  copy(file: string, options: { readonly compact: boolean }): Promise<void>
  close(): Promise<void>
}

export interface LmdbDatabase {
  get(key: Uint8Array): Uint8Array | undefined
  /** The same in memory of the package, until the next call of it. Its `length` is that of the value, not its `byteLength`. */
  getBinaryFast(key: Uint8Array): Uint8Array | undefined
  getKeys(range: { start: Uint8Array; end: Uint8Array }): Iterable<Uint8Array>
  getRange(range: {
    start: Uint8Array
    end?: Uint8Array
    reverse?: boolean
    limit?: number
  }): Iterable<LmdbEntry>
  /** Within a transaction both act at once and throw what LMDB says. */
  put(key: Uint8Array, value: Uint8Array): unknown
  remove(key: Uint8Array): unknown
  clearAsync(): unknown
  getStats(): LmdbStats
}

export interface LmdbEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

interface LmdbStats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly entryCount: number
  readonly free: LmdbStats
  readonly root: LmdbStats
}

interface LmdbRoot extends LmdbDatabase {
  readonly env: {
    readonly address: number
    info(): { readonly lastPageNumber: number; readonly lastTxnId: number }
  }
  /** Undefined when it is not there and may not be made. */
  openDB(name: string, options: typeof ENCODING & { create: boolean }): LmdbDatabase | undefined
  transaction(fn: () => void): Promise<unknown>
  getWriteTxnId(): number
  resetReadTxn(): void
  backup(file: string, compact: boolean): Promise<void>
  close(): Promise<void>
}

interface LmdbModule {
  open(options: Record<string, unknown>): LmdbRoot
  readonly nativeAddon: { getEnvFlags(address: number): number }
}

const require = createRequire(import.meta.url)

const ENCODING = { encoding: 'binary', keyEncoding: 'binary' } as const

const OPTIONS = {
  ...ENCODING,
  // With it, readers of all processes would see records before the disk has them: an offset that was handed out and
  // committed could be given to another record after a power cut.
  overlappingSync: false,
  // With it the package makes promises that nobody can catch, and one failed commit ends the process.
  eventTurnBatching: false,
  // Address space only, and LMDB raises it when it is used up.
  mapSize: 64 * 1024 ** 3,
  maxDbs: 16,
  maxReaders: 512,
} as const

/**
 * How to open: `make` what is missing, `keep` to what is there (a table whose name is damaged is missing, and must not
 * be made anew and empty), or only `read`.
 */
export type OpenMode = 'make' | 'keep' | 'read'

/** Opens the environment in `file`, and reads back from LMDB itself that its commits are synced. */
export async function openEnvironment(file: string, mode: OpenMode): Promise<Lmdb> {
  // Loaded when first used: who takes another log needs no native package. By `require`, because the declarations that
  // the package gives to `import` do not compile.
  const lmdb = require('lmdb') as LmdbModule
  const place = path.join(realpathSync(path.dirname(file)), path.basename(file))
  if (mode === 'read') return open(lmdb, file, place, mode)
  return inTurn(place, () => open(lmdb, file, place, mode)) // each table takes LMDB's lock
}

async function open(lmdb: LmdbModule, file: string, place: string, mode: OpenMode): Promise<Lmdb> {
  const root = lmdb.open({ path: file, noSubdir: true, readOnly: mode === 'read', ...OPTIONS })
  try {
    refuseUnsafe(file, lmdb.nativeAddon.getEnvFlags(root.env.address))
    const database = (name: string, create: boolean): LmdbDatabase => {
      const opened = root.openDB(name, { ...ENCODING, create })
      if (opened === undefined) throw new HoldfastError('LOG_CORRUPT', { detail: `table ${name} is missing` })
      return opened
    }
    const make = mode === 'make'
    const tables = new Map<Table, LmdbDatabase>(
      (['state', 'groups', ...DEDUP_TABLES] as const).map(table => [table, database(table, make)]),
    )
    // Logs of before have none, and it can be made anew. Asked for first, because making one waits for LMDB's lock.
    if (mode !== 'read') {
      const there = root.openDB('ids', { ...ENCODING, create: false })
      tables.set('ids', there ?? database('ids', true))
    }
    return environment(root, place, database('chunks', make), tables)
  } catch (error) {
    await root.close()
    throw explained(error)
  }
}

function refuseUnsafe(file: string, flags: number): void {
  const unsafe = Object.entries(UNSAFE_FLAGS).filter(([, bit]) => (flags & bit) !== 0)
  if (unsafe.length === 0) return
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `${file} is open in this process without durable commits (${unsafe.map(([name]) => name).join(', ')}): open it only through holdfast`,
  })
}

const UNSAFE_FLAGS = {
  MDB_NOSYNC: 0x10000,
  MDB_NOMETASYNC: 0x40000,
  MDB_WRITEMAP: 0x80000,
  MDB_MAPASYNC: 0x100000,
  MDB_OVERLAPPINGSYNC: 0x1000,
} as const

function environment(
  root: LmdbRoot,
  place: string,
  chunks: LmdbDatabase,
  tables: ReadonlyMap<Table, LmdbDatabase>,
): Lmdb {
  let inTransaction = false
  const { pageSize } = root.getStats()
  const endBytes = (): number => (root.env.info().lastPageNumber + 1) * pageSize
  return {
    chunks,
    endBytes,
    lastTransaction: () => root.env.info().lastTxnId,
    thisTransaction: () => root.getWriteTxnId(),
    table(table) {
      const database = tables.get(table)
      if (database === undefined)
        throw new HoldfastError('INTERNAL', { detail: `there is no table ${table}` })
      return database
    },
    transaction: fn =>
      inTurn(place, async () => {
        for (let isNext = false; !isNext;)
          await endingWithExit(() =>
            root.transaction(() => {
              const [given, last] = [root.getWriteTxnId() - 1, root.env.info().lastTxnId]
              isNext = given === last
              // Ends without a change, and the next one begins where the newest meta page says.
              if (!isNext) return putRight(`${place}-lock`, given, last)
              inTransaction = true
              try {
                fn()
              } finally {
                inTransaction = false
              }
            }),
          )
      }),
    refresh() {
      if (!inTransaction) root.resetReadTxn()
    },
    async causeOf(error) {
      if (typeof error !== 'object' || error === null || !('commitError' in error)) return error
      try {
        await error.commitError // a promise that rejects with the error of LMDB
        return error
      } catch (cause) {
        return cause
      }
    },
    usage() {
      const stats = root.getStats()
      const databases = [chunks, ...tables.values()].map(database => database.getStats())
      const pages = [stats.free, stats.root, ...databases].reduce((sum, s) => sum + pagesOf(s), META_PAGES)
      return { usedBytes: pages * pageSize, endBytes: endBytes() }
    },
    copy: (file, { compact }) => root.backup(file, compact),
    close: () => root.close(),
  }
}

const META_PAGES = 2
const pagesOf = (s: LmdbStats): number => s.treeBranchPageCount + s.treeLeafPageCount + s.overflowPages

/** Says what LMDB found damaged, in our words; any other error comes back as it was. */
export function explained(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (typeof code !== 'number' || !DAMAGE.has(code)) return error
  return new HoldfastError('LOG_CORRUPT', {
    detail: error instanceof Error ? error.message : `LMDB ${code}`,
    cause: error,
  })
}

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID, MDB_CURSOR_FULL, MDB_INCOMPATIBLE, MDB_BAD_TXN (it has met one of them), MDB_BAD_VALSIZE. */
const DAMAGE: ReadonlySet<number> = new Set([-30797, -30796, -30793, -30787, -30784, -30782, -30781])
