/**
 * What has become of a dead letter: the fold of everything that was written about it, in order. Several may write at
 * once (an owner that was replaced and does not know it yet, two operators), so each decision names the version that it
 * was made on, and of two only the first counts: a double click is one replay.
 *
 *            ┌──────────── edited ───────────┐
 *            ▼                               │
 *   died ──▶ died ── replaying ──▶ replaying ── resolved ──▶ resolved
 *            ▲  │                  │
 *            │  └── discarded ──▶ discarded ── restored ──▶ (died)
 *            └───── died of the next round ──┘
 *
 * A letter that is not resolved ends as superseded when its range is reprocessed: its event has another generation then,
 * and if it dies in that one too, another letter.
 */
export interface LetterState {
  readonly status: LetterStatus
  /** Grows with every change that counts; a note is a remark and changes nothing. */
  readonly version: number
  /** The round that died last, or that runs now. */
  readonly round: number
  /** The request that was decided for last. */
  readonly request: string | undefined
  /** How often its payload was edited. The next replay runs the last one. */
  readonly edits: number
}

export const letterStatuses = ['died', 'replaying', 'resolved', 'discarded', 'superseded'] as const
export type LetterStatus = (typeof letterStatuses)[number]

export type LetterChange =
  | { readonly kind: 'died'; readonly round: number }
  | Decision
  | { readonly kind: 'resolved'; readonly round: number }
  /** Its range was reprocessed. True whoever writes it, and however late. */
  | { readonly kind: 'superseded' }
  /** The payload that the next replay runs. Anybody appends it. */
  | { readonly kind: 'edited'; readonly version: number }
  /** A remark. Anybody appends it. */
  | { readonly kind: 'noted' }

/** What only the owner of the partition writes, because only it can order a decision against what runs. */
export interface Decision {
  readonly kind: 'replaying' | 'discarded' | 'restored'
  readonly version: number
  readonly request: string
}

/** The state after a change. The same state, and the same object, when the change does not count. */
export function letterAfter(state: LetterState | undefined, change: LetterChange): LetterState | undefined {
  if (!state) {
    return change.kind === 'died'
      ? { status: 'died', version: 1, round: change.round, request: undefined, edits: 0 }
      : undefined
  }
  const next = { ...state, version: state.version + 1 }
  switch (change.kind) {
    case 'died':
      // Over a `resolved` of the same round as well: an owner that was replaced may have written that one for a run
      // whose end did not count, and the entry that died is the truth. A second death of a round is nothing new.
      return (state.status === 'replaying' || state.status === 'resolved') && change.round === state.round
        ? { ...next, status: 'died' }
        : state
    case 'replaying':
      return state.status === 'died' && change.version === state.version
        ? { ...next, status: 'replaying', round: state.round + 1, request: change.request }
        : state
    case 'discarded':
      return state.status === 'died' && change.version === state.version
        ? { ...next, status: 'discarded', request: change.request }
        : state
    case 'restored':
      return state.status === 'discarded' && change.version === state.version
        ? { ...next, status: 'died', request: change.request }
        : state
    case 'edited':
      // Only while nothing runs: an edit between `replaying` and the park would make one round of two events.
      return state.status === 'died' && change.version === state.version
        ? { ...next, edits: state.edits + 1 }
        : state
    case 'resolved':
      return state.status === 'replaying' && change.round === state.round
        ? { ...next, status: 'resolved' }
        : state
    case 'superseded':
      return state.status === 'resolved' || state.status === 'superseded'
        ? state
        : { ...next, status: 'superseded' }
    case 'noted':
      return state
  }
}
