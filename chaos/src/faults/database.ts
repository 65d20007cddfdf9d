import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { HoldfastError } from 'holdfast'
import { startPostgres, type LocalPostgres } from 'holdfast/server'
import { Client } from 'pg'
import type { FaultPlan } from '../contract/scenario.ts'
import { databaseFaults, type DatabaseFault } from './database-faults.ts'
import { mountSmallDisk, noSmallDisk, type SmallDisk } from './small-disk.ts'
import { startProxy, type SlowProxy } from './slow-proxy.ts'

/** The PostgreSQL of a run: one server for all arms, with a database for each, and the faults that may hit it. */
export interface FaultedDatabase {
  /** Such as `18.4`. */
  readonly version: string
  /** A new, empty database. `url` is for the arm and may lead through a proxy; `direct` is for the runner. */
  create(name: string): Promise<{ readonly url: string; readonly direct: string }>
  /** Makes it happen and answers what was seen of it. Nothing seen: it did not happen. */
  begin(fault: DatabaseFault): Promise<string[]>
  /** Ends it and answers what was seen of that, when the database answers again. */
  end(fault: DatabaseFault): Promise<string[]>
  /** Our server ends; of another's server, the databases of this run are dropped. */
  stop(): Promise<void>
}

export interface DatabaseOptions {
  /** Where our own server keeps its cluster from run to run. */
  readonly folder: string
  /** Its output, and the small disk where a fault fills one. */
  readonly runFolder: string
  /** A server that we did not start, and therefore neither kill nor stop. */
  readonly url?: string
  readonly faults: readonly FaultPlan[]
}

/** What the faults work on. */
export interface Held {
  readonly direct: string
  server: LocalPostgres | undefined
  restart(): Promise<void>
  readonly proxy: SlowProxy | undefined
  readonly disk: SmallDisk | undefined
}

/** Room for a cluster, its log of changes and the rows of a run. */
const DISK_MEGABYTES = 512

const settings = {
  max_connections: '300',
  max_wal_size: '128MB',
  // After a crash every file is synced before recovery begins: by this in one call, and not in seconds of the outage.
  ...(process.platform === 'linux' && { recovery_init_sync_method: 'syncfs' }),
}

/** Starts the server of a run. Throws `CONFIG_INVALID` for a fault that cannot be made here. */
export async function startDatabase(options: DatabaseOptions): Promise<FaultedDatabase> {
  const wanted = new Set(options.faults.flatMap(plan => (plan.target === 'postgres' ? [plan.fault] : [])))
  refuseImpossible(wanted, options.url)
  const disk = wanted.has('disk-full')
    ? mountSmallDisk(join(options.runFolder, 'disk'), DISK_MEGABYTES)
    : undefined
  try {
    const held = await hold(options, disk, wanted.has('reset') || wanted.has('slow'))
    return databaseOf(held, options.url === undefined)
  } catch (error) {
    disk?.unmount()
    throw error
  }
}

function refuseImpossible(wanted: ReadonlySet<DatabaseFault>, url: string | undefined): void {
  const ours = (['kill', 'stop', 'disk-full'] as const).find(fault => wanted.has(fault))
  if (url !== undefined && ours !== undefined) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `the fault ${ours} is only for a PostgreSQL that this command started; on the one of --postgres reset and slow are possible`,
    })
  }
  if (wanted.has('disk-full') && noSmallDisk !== undefined) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `the fault disk-full cannot be made: ${noSmallDisk}`,
    })
  }
}

async function hold(
  { folder, runFolder, url }: DatabaseOptions,
  disk: SmallDisk | undefined,
  throughProxy: boolean,
): Promise<Held & { readonly version: string }> {
  mkdirSync(runFolder, { recursive: true })
  const start = (port?: number): Promise<LocalPostgres> =>
    startPostgres({
      dataDir: disk?.folder ?? folder,
      logFile: join(runFolder, 'postgres.log'),
      settings,
      ...(port !== undefined && { port }),
    })
  const server = url === undefined ? await start() : undefined
  const direct = server?.url ?? url ?? ''
  if (server) await dropFormer(server.url)
  const version = server?.version ?? (await serverVersion(direct))
  const held: Held & { readonly version: string } = {
    version,
    direct,
    disk,
    server,
    proxy: throughProxy ? await startProxy(portOf(direct)) : undefined,
    async restart() {
      held.server = await start(server?.port)
    },
  }
  return held
}

function databaseOf(held: Held & { readonly version: string }, ours: boolean): FaultedDatabase {
  const made: string[] = []
  return {
    version: held.version,
    async create(name) {
      await ask(held.direct, `drop database if exists "${name}" with (force)`)
      await ask(held.direct, `create database "${name}"`)
      made.push(name)
      const direct = withDatabase(held.direct, name)
      return { direct, url: held.proxy ? withPort(direct, held.proxy.port) : direct }
    },
    begin: fault => databaseFaults[fault].begin(held),
    end: fault => databaseFaults[fault].end(held),
    async stop() {
      await held.proxy?.close()
      if (!ours)
        for (const name of made) await ask(held.direct, `drop database if exists "${name}" with (force)`)
      // Nothing in it is wanted any more, so it need not shut down in order.
      await held.server?.kill()
      held.disk?.unmount()
    },
  }
}

/** What an earlier run left in our own server. */
async function dropFormer(url: string): Promise<void> {
  const former = await ask(url, `select datname from pg_database where datname like 'chaos\\_%'`)
  for (const { datname } of former) await ask(url, `drop database "${String(datname)}" with (force)`)
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

export async function serverVersion(url: string): Promise<string> {
  const [row] = await ask(url, `select split_part(current_setting('server_version'), ' ', 1) as version`)
  return String(row?.['version'])
}

function portOf(url: string): number {
  return Number(new URL(url).port || 5432)
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.hostname = '127.0.0.1'
  changed.port = String(port)
  return changed.href
}
