import { HoldfastError } from '../../event/index.ts'

/** The part of the npm package `pg` that is used here. */
export interface PgModule {
  readonly Pool: new (config: PgPoolConfig) => PgPool
}

export interface PgPoolConfig {
  readonly connectionString: string
  readonly max: number
  readonly connectionTimeoutMillis: number
  readonly idleTimeoutMillis: number
  readonly keepAlive: boolean
  readonly application_name: string
}

export interface PgPool {
  connect(): Promise<PgClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect' | 'remove', listener: (client: PgClient) => void): unknown
  end(): Promise<void>
  readonly totalCount: number
  readonly idleCount: number
}

export interface PgClient {
  query(text: string, values?: readonly unknown[]): Promise<PgResult>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  /** With an error the connection is closed instead of being used again. */
  release(error?: Error): void
  /** Not documented by pg; used only to let go of a server that does not answer. */
  readonly connection?: { readonly stream?: { destroy(): void } }
}

export interface PgResult {
  readonly rows: Record<string, unknown>[]
  readonly rowCount: number | null
  /** The command tag's first word: `COMMIT`, `ROLLBACK`, `SELECT`. */
  readonly command: string
}

/** Kept equal to the peer range in package.json. */
const RANGE = '>=8.16'

/** Imported when a database is opened, so that those who use none need not install it. */
export async function importPg(load: () => Promise<unknown> = () => import('pg')): Promise<PgModule> {
  try {
    return (await load()) as PgModule
  } catch (cause) {
    throw new HoldfastError('SINK_PACKAGE_MISSING', { detail: `npm install pg@'${RANGE}'`, cause })
  }
}
