/**
 * What has become of a dead letter: the fold of everything that was written about it, in order. Several may write at
 * once (an owner that was replaced and does not know it yet), so each decision names the version that it was made on,
 * and of two only the first counts: a double click is one replay.
 */
export interface LetterState {
  readonly status: 'died' | 'replaying' | 'resolved' | 'discarded'
  /** Grows with every change that counts. */
  readonly version: number
  /** The round that died last, or that runs now. */
  readonly round: number
  /** The request that was decided for last. */
  readonly request: string | undefined
}

export type LetterChange =
  | { readonly kind: 'died'; readonly round: number }
  | { readonly kind: 'replaying' | 'discarded'; readonly version: number; readonly request: string }
  | { readonly kind: 'resolved'; readonly round: number }

/** The state after a change. The same state when the change does not count. */
export function letterAfter(state: LetterState | undefined, change: LetterChange): LetterState | undefined {
  if (!state) {
    return change.kind === 'died'
      ? { status: 'died', version: 1, round: change.round, request: undefined }
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
    case 'resolved':
      return state.status === 'replaying' && change.round === state.round
        ? { ...next, status: 'resolved' }
        : state
  }
}
