import type { Sink, Tx } from '../port.ts'
import type { World } from './world.ts'

/** Makes a migrated sink on a database that may be shared with other promises. */
export type MakeSink = () => Promise<SinkUnderTest>

export interface SinkUnderTest {
  readonly sink: Sink
  /** Another client of the same database, as another process would have. */
  another(): Promise<Sink>
  /** Asks the database from outside of any sink. */
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** Ends the transaction's connection, as a crash of the server process behind it would. */
  cut(tx: Tx): Promise<void>
  /** Closes what was opened here. */
  dispose(): Promise<void>
}

/** Far above what any promise needs, so that only a hang meets it. */
export const PATIENCE_MS = 50_000

/** One promise of the port. Fails by throwing. */
export interface SinkPromise {
  /** The sentence that is printed. */
  readonly promise: string
  readonly keeps: (world: World) => Promise<void>
}
