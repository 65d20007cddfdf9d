import type { LogEnvironment, LogSystem } from '../log/index.ts'
import type { Sink } from '../sink/index.ts'

/** What the parts of one app share. */
export interface AppContext extends Required<Pick<LogEnvironment, 'clock' | 'random' | 'logger'>> {
  /** Its name, in sources of events, members and logs. */
  readonly app: string
  /** This process of it, for people. */
  readonly memberName: string
  /** The open log. Throws `APP_NOT_RUNNING` before there is one. */
  readonly system: LogSystem
  /** Undefined for an app without a database, and before the start. */
  readonly sink: Sink | undefined
  /** Makes the tables once; tried again by the next who needs them when the database was away. */
  readonly prepareSink: () => Promise<void>
  /** Throws `APP_NOT_RUNNING` before the start has ended and after the stop has begun. */
  assertRunning(): void
  /** Aborts when the app stops. */
  readonly life: AbortSignal
}
