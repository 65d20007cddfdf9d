/** What threads of the load tell each other. */
export type ToWorker = { readonly kind: 'start'; readonly startAt: number } | { readonly kind: 'stop' }
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'batch'; readonly batch: Batch }

export interface Batch {
  /** Four numbers for each event that has ended: its number, its outcome, milliseconds since it was due, its sends. */
  readonly ended: Float64Array
  /** How often each status or error was seen since the last batch. */
  readonly answers: Readonly<Record<string, number>>
  readonly behindMs: number
}

export const NUMBERS_PER_EVENT = 4

/** By their number in a batch. */
export const outcomes = ['accepted', 'refused', 'unanswered', 'unsent'] as const
export type LoadOutcome = (typeof outcomes)[number]
