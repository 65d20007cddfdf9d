import type { ArmSample } from './arm.ts'
import type { Result, TimelineEvent } from './result.ts'

/** What the runner tells while it runs; the terminal and the live page of the demo listen. */
export type Progress =
  | {
      readonly kind: 'began'
      readonly scenario: string
      readonly title: string
      readonly arms: readonly { readonly name: string; readonly title: string }[]
      /** Seconds that the load of one arm takes by the schedule, without draining. */
      readonly seconds: number
      readonly mode: Result['mode']
    }
  | {
      readonly kind: 'arm'
      readonly arm: string
      readonly state: 'starting' | 'running' | 'draining' | 'audited'
    }
  | { readonly kind: 'second'; readonly arm: string; readonly second: LiveSecond }
  | { readonly kind: 'event'; readonly arm: string; readonly event: TimelineEvent }
  | { readonly kind: 'ended'; readonly result: Result }

/** One second of one arm, with the sums since its load began. */
export interface LiveSecond extends ArmSample {
  readonly at: number
  readonly phase: string
  readonly faultActive: boolean
  readonly planned: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  readonly unsent: number
  readonly rows?: number
  readonly p99?: number
}
