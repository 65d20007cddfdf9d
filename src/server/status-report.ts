import type { SpoolStatus } from '../collect/index.ts'
import type { Durability } from '../event/index.ts'
import type { Standing } from '../observe/index.ts'
import type { BreakerStateName } from '../recover/index.ts'

/** Everything that the status page shows, as of one moment. `/status.json` is the same, with offsets as strings. */
export interface StatusReport {
  /** When this was taken, milliseconds since 1970. */
  readonly at: number
  readonly app: { readonly name: string; readonly version: string; readonly startedAt: number }
  readonly ready: Readiness
  readonly log: { readonly kind: string; readonly durability: Durability }
  /** Of a collector whose log is on other machines. */
  readonly spool?: SpoolStatus | undefined
  /** Why the log has not told where it stands; `standing` and `letters` are then what was known last. */
  readonly away?: string | undefined
  /** When `standing` was looked at, milliseconds since 1970. Undefined when it never was. */
  readonly seenAt?: number | undefined
  readonly standing: Standing
  /** Events per second over the last 10 seconds: taken in by the log, and done by each group. */
  readonly rates: { readonly in: number; readonly done: Readonly<Record<string, number>> }
  readonly breakers: readonly BreakerReport[]
  /** The newest dead letters of each group, newest first; a handful. */
  readonly letters: readonly LetterReport[]
}

export type Readiness =
  /** `note`: what there is to say of it all the same. */
  | { readonly ready: true; readonly note?: string | undefined }
  | { readonly ready: false; readonly reason: string }

export interface BreakerReport {
  readonly name: string
  readonly state: BreakerStateName
  readonly reason: string
  /** Since when it is closed, or has not been: probes in between do not count. Milliseconds since 1970. */
  readonly since: number
  /** Whether it was ever anything but closed. */
  readonly everOpened: boolean
}

export interface LetterReport {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: string | undefined
  readonly reason: string
  readonly message: string
  /** When it died, milliseconds since 1970. */
  readonly at: number
}

/** JSON of a report. Offsets are strings: they outgrow what a JSON number holds exactly. */
export function reportJson(report: StatusReport): string {
  return JSON.stringify({ format: 1, ...report }, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}
