import type { Features, LogDriver, LogSystem } from '../port.ts'
import type { World } from './world.ts'

/** Makes a new, empty log for one promise. */
export type MakeLog = (settings: SuiteSettings) => Promise<LogUnderTest>

export interface LogUnderTest {
  /** Opened, closed, crashed and opened again within one promise; the data is the same each time. */
  readonly driver: LogDriver
  /**
   * Ends `system` as the death of its process would: nothing is drained, no group is left. Its clock has stopped
   * before, so its timers never fire again; a driver that needs no more than that leaves this out.
   */
  crash?(system: LogSystem): Promise<void>
  /** After the promise, when all systems are closed: takes the data away. */
  dispose?(): Promise<void>
}

/** What the driver is to be opened with, so that limits and time-outs can be met in a test. */
export interface SuiteSettings {
  readonly maxRecordBytes: number
  readonly beatMs: number
  readonly sessionMs: number
  readonly revokeTimeoutMs: number
  /** How long the suite itself waits for what must happen. Not for the driver. */
  readonly patienceMs: number
}

export const suiteSettings: SuiteSettings = {
  maxRecordBytes: 64 * 1024,
  beatMs: 20,
  sessionMs: 30_000,
  revokeTimeoutMs: 30_000,
  patienceMs: 20_000,
}

/** One promise of the port. Fails by throwing. */
export interface LogPromise {
  /** The sentence that is printed. */
  readonly promise: string
  /** Run only for drivers that can do this. */
  readonly needs?: readonly (keyof Features)[]
  readonly settings?: Partial<SuiteSettings>
  readonly keeps: (world: World) => Promise<void>
}
